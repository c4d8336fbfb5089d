"""Measured latency as the status shows it: it changes only by steps, and never contradicts the SLOMet condition. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from modelmatrix.api.model_deployment import ServiceLevelObjective
from modelmatrix.planning.snapshot.snapshot import MeasuredSlo

ATTAINMENT_STEP_PERCENT = 1.0  # smaller changes are not written: a status write costs the API server
LATENCY_STEP_SHARE = 0.1


def is_slo_met(slo: ServiceLevelObjective, attained_percent: float) -> bool:
    """Whether a share of requests within the SLO is enough."""
    return attained_percent >= slo.percentile


def slo_status(
    slo: ServiceLevelObjective, measured: MeasuredSlo | None, previous: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """``status.slo``; the previous value stays while it is about right, or nothing is measured."""
    if measured is None or measured.attainment_percent is None:
        return previous or None
    if _about_the_same(slo, measured, measured.attainment_percent, previous):
        return previous
    values = {
        "attainmentPercent": _shown(measured.attainment_percent),
        "ttftMilliseconds": measured.ttft_milliseconds,
        "tpotMilliseconds": measured.tpot_milliseconds,
        "observedSeconds": measured.observed_seconds,
    }
    return {key: value for key, value in values.items() if value is not None}


def _shown(percent: float) -> str:
    """A share with one digit, rounded down: 94.96 must not read as a target of 95 that was met."""
    return str(Decimal(str(percent)).quantize(Decimal("0.1"), ROUND_FLOOR))


def _about_the_same(
    slo: ServiceLevelObjective, measured: MeasuredSlo, attained_percent: float, previous: Mapping[str, Any]
) -> bool:
    try:
        before = float(previous["attainmentPercent"])
    except (KeyError, ValueError):
        return False
    if is_slo_met(slo, before) is not is_slo_met(slo, attained_percent):
        return False
    if abs(before - attained_percent) >= ATTAINMENT_STEP_PERCENT:
        return False
    pairs = (
        (measured.ttft_milliseconds, previous.get("ttftMilliseconds")),
        (measured.tpot_milliseconds, previous.get("tpotMilliseconds")),
    )
    return all(_close(new, old) for new, old in pairs)


def _close(new: int | None, old: int | None) -> bool:
    if new is None or old is None:
        return new is old
    return abs(new - old) <= LATENCY_STEP_SHARE * max(old, 1)
