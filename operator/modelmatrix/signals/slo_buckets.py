"""Which histogram bounds count for an SLO: the bound itself, or the largest bucket below it. Pure.

An engine counts its latencies in buckets. The share of requests within an SLO bound is exact only where the bound is the
upper bound of a bucket. Elsewhere the next bucket below counts: the share is then a lower estimate, and ``message`` says so.
Where several engines of one dialect run, their histograms are added up, so a bucket must be one that all of them have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from modelmatrix.api.model_deployment import ServiceLevelObjective
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.catalogue.metrics import Signal
from modelmatrix.performance.engine_timing import SloBounds
from modelmatrix.performance.slo import bounds_in_seconds

MILLISECONDS = 1000.0
_ROUNDING = 1e-9


class SloBucketKeys(NamedTuple):
    """Keys of one histogram's counts: name and bound of all requests, and of those within, as two clients write it."""

    all: tuple[str, str]
    within: tuple[str, str]
    within_short: tuple[str, str]


@dataclass(frozen=True, slots=True)
class SloBuckets:
    """Bounds in seconds, by dialect and signal; ``message`` names those that are not the SLO's own.

    ``keys`` are those of the histograms that are read; ``unmeasured`` names the parts of the SLO that cannot be measured at
    all, and why.
    """

    seconds: Mapping[str, Mapping[Signal, float]]
    keys: Mapping[Signal, tuple[SloBucketKeys, ...]]
    message: str = ""
    unmeasured: str = ""


class EngineHistograms(NamedTuple):
    """Upper bounds of an engine's latency histograms in seconds, ascending; a signal without a histogram is left out."""

    engine: str
    dialect: str
    buckets: tuple[tuple[Signal, tuple[float, ...]], ...]

    def bounds(self, signal: Signal) -> tuple[float, ...]:
        """The bounds of one histogram; none where the engine does not have it."""
        return next((bounds for name, bounds in self.buckets if name is signal), ())


Images = tuple[tuple[str, str], ...]


def counted_bounds(catalogue: Catalogue, engines: Images, slo: ServiceLevelObjective | None) -> SloBuckets:
    """The bounds that are read for an SLO from engines in their images; the catalogue must have these engines."""
    return _of_images(catalogue, engines, bounds_in_seconds(slo))


@lru_cache(maxsize=1024)
def _of_images(catalogue: Catalogue, engines: Images, slo: SloBounds) -> SloBuckets:
    return slo_buckets(tuple(_histograms(catalogue, name, image) for name, image in engines), slo)


def _histograms(catalogue: Catalogue, name: str, image: str) -> EngineHistograms:
    engine = catalogue.engines[name]
    signals = (signal for signal in _seconds_by_signal(SloBounds()) if signal in catalogue.dialects[engine.dialect].metrics)
    return EngineHistograms(
        name, engine.dialect, tuple((signal, catalogue.bounds(engine, image, signal)) for signal in signals)
    )


@lru_cache(maxsize=1024)
def slo_buckets(engines: tuple[EngineHistograms, ...], slo: SloBounds) -> SloBuckets:
    """The bounds that are read for an SLO from these engines."""
    seconds: dict[str, dict[Signal, float]] = {}
    lower: dict[str, None] = {}
    unmeasured: dict[str, None] = {}
    for engine, dialect in dict.fromkeys((one.engine, one.dialect) for one in engines):
        for signal, bound in _seconds_by_signal(slo).items():
            if bound is None:
                continue
            buckets = _common_bounds(engines, dialect, signal)
            used = bucket_at_or_below(bound, buckets)
            if used is None:
                unmeasured[_unmeasured(engine, signal, buckets)] = None
                continue
            seconds.setdefault(dialect, {})[signal] = float(used)
            if used < bound - _ROUNDING:
                lower[_lower(signal, used, bound)] = None
    return SloBuckets(seconds, _keys(seconds), "; ".join((*lower, *unmeasured)), "; ".join(unmeasured))


def _seconds_by_signal(slo: SloBounds) -> dict[Signal, float | None]:
    return {Signal.TTFT: slo.ttft_seconds, Signal.TPOT: slo.tpot_seconds, Signal.E2E: slo.e2e_seconds}


def _common_bounds(engines: Iterable[EngineHistograms], dialect: str, signal: Signal) -> tuple[float, ...]:
    """Bounds that all engines of a dialect have: their histograms are added up."""
    first, *others = (one.bounds(signal) for one in engines if one.dialect == dialect)
    return tuple(sorted(set(first).intersection(*others)))


def _keys(seconds: Mapping[str, Mapping[Signal, float]]) -> dict[Signal, tuple[SloBucketKeys, ...]]:
    keys: dict[Signal, tuple[SloBucketKeys, ...]] = {}
    for dialect, bounds in seconds.items():
        for signal, bound in bounds.items():
            name = f"{dialect}/{signal}"
            of_histogram = SloBucketKeys((name, "+Inf"), (name, repr(bound)), (name, f"{bound:g}"))
            keys[signal] = (*keys.get(signal, ()), of_histogram)
    return keys


def bucket_at_or_below(bound_seconds: float, buckets: Iterable[float]) -> float | None:
    """The bucket that is read for a bound: itself, or the largest below it; ``None`` where all are above it."""
    return max((bucket for bucket in buckets if bucket <= bound_seconds + _ROUNDING), default=None)


def _lower(signal: Signal, used_seconds: float, bound_seconds: float) -> str:
    used, bound = (f"{seconds * MILLISECONDS:g} ms" for seconds in (used_seconds, bound_seconds))
    return f"{signal} is counted at {used}, the largest histogram bound below {bound}"


def _unmeasured(engine: str, signal: Signal, buckets: tuple[float, ...]) -> str:
    if not buckets:
        return f"{signal} cannot be measured: {engine} has no histogram of it"
    return f"{signal} cannot be measured: the lowest histogram bound of {engine} is {buckets[0] * MILLISECONDS:g} ms"
