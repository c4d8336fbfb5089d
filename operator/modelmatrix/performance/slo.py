"""Converts the SLO of a deployment, which is in milliseconds, to bounds in seconds. Pure."""

from __future__ import annotations

from functools import lru_cache

from modelmatrix.api.model_deployment import ServiceLevelObjective
from modelmatrix.performance.engine_timing import SloBounds

MILLISECONDS = 1000.0
NO_BOUNDS = SloBounds()


def bounds_in_seconds(slo: ServiceLevelObjective | None) -> SloBounds:
    """The bounds of an SLO in seconds; no bounds without an SLO."""
    if slo is None:
        return NO_BOUNDS
    return _in_seconds(slo.ttft_milliseconds, slo.tpot_milliseconds, slo.e2e_milliseconds, slo.percentile)


@lru_cache(maxsize=1024)
def _in_seconds(ttft: int | None, tpot: int | None, e2e: int | None, percentile: int) -> SloBounds:
    bounds = (None if bound is None else bound / MILLISECONDS for bound in (ttft, tpot, e2e))
    return SloBounds(**dict(zip(("ttft_seconds", "tpot_seconds", "e2e_seconds"), bounds, strict=True)), percentile=percentile)
