"""Which histogram bounds count for an SLO: the bound itself, or the largest bucket below it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from modelmatrix.api.model_deployment import ServiceLevelObjective
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.catalogue.metrics import MetricDialect, Signal

MILLISECONDS = 1000.0
_ROUNDING = 1e-9


class SloBucketKeys(NamedTuple):
    """Where the counts of one histogram are found: name and bound of all, and of those within, written in two ways."""

    all: tuple[str, str]
    within: tuple[str, str]
    within_short: tuple[str, str]


@dataclass(frozen=True, slots=True)
class SloBuckets:
    """Bounds in seconds, by dialect and signal; ``message`` names those that are not the SLO's own.

    ``keys`` are those of the histograms that are read; ``unmeasured`` says what of the SLO cannot be measured at all, and why.
    """

    seconds: Mapping[str, Mapping[Signal, float]]
    keys: Mapping[Signal, tuple[SloBucketKeys, ...]]
    message: str = ""
    unmeasured: str = ""


def slo_bounds_ms(slo: ServiceLevelObjective | None) -> dict[Signal, int]:
    """The bounds of an SLO, in milliseconds."""
    if slo is None:
        return {}
    asked = {Signal.TTFT: slo.ttft_milliseconds, Signal.TPOT: slo.tpot_milliseconds, Signal.E2E: slo.e2e_milliseconds}
    return {signal: bound for signal, bound in asked.items() if bound is not None}


Engines = tuple[tuple[str, str], ...]


def counted_bounds(catalogue: Catalogue, engines: Engines, slo: ServiceLevelObjective | None) -> SloBuckets:
    """The bounds that are read for an SLO from histograms of these engines in their images; the catalogue knows them."""
    return _counted(catalogue, engines, tuple(slo_bounds_ms(slo).items()))


@lru_cache(maxsize=1024)
def _counted(catalogue: Catalogue, engines: Engines, bounds: tuple[tuple[Signal, int], ...]) -> SloBuckets:
    seconds: dict[str, dict[Signal, float]] = {}
    lower: dict[str, None] = {}
    unmeasured: dict[str, None] = {}
    for engine in (catalogue.engines[name] for name in dict.fromkeys(name for name, _ in engines)):
        dialect = catalogue.dialects[engine.dialect]
        for signal, milliseconds in bounds:
            asked = milliseconds / MILLISECONDS
            buckets = _common_bounds(catalogue, engines, dialect, signal)
            used = bucket_at_or_below(asked, buckets)
            if used is None:
                unmeasured[_unmeasured(engine.name, signal, buckets)] = None
                continue
            seconds.setdefault(dialect.name, {})[signal] = float(used)
            if used < asked - _ROUNDING:
                lower[_lower(signal, used, milliseconds)] = None
    return SloBuckets(seconds, _keys(seconds), "; ".join((*lower, *unmeasured)), "; ".join(unmeasured))


def _common_bounds(catalogue: Catalogue, engines: Engines, dialect: MetricDialect, signal: Signal) -> tuple[float, ...]:
    """Bounds that all engines of a dialect have: their histograms are added up."""
    if signal not in dialect.metrics:
        return ()
    speakers = ((catalogue.engines[name], image) for name, image in engines)
    found = [catalogue.bounds(engine, image, signal) for engine, image in speakers if engine.dialect == dialect.name]
    return tuple(sorted(set(found[0]).intersection(*found[1:])))


def _keys(seconds: Mapping[str, Mapping[Signal, float]]) -> dict[Signal, tuple[SloBucketKeys, ...]]:
    keys: dict[Signal, tuple[SloBucketKeys, ...]] = {}
    for dialect, bounds in seconds.items():
        for signal, bound in bounds.items():
            name = f"{dialect}/{signal}"
            found = SloBucketKeys((name, "+Inf"), (name, repr(bound)), (name, f"{bound:g}"))
            keys[signal] = (*keys.get(signal, ()), found)
    return keys


def bucket_at_or_below(asked_seconds: float, buckets: Iterable[float]) -> float | None:
    """The bucket that is read for a bound: itself, or the largest below it."""
    return max((bucket for bucket in buckets if bucket <= asked_seconds + _ROUNDING), default=None)


def _lower(signal: Signal, used_seconds: float, asked_milliseconds: int) -> str:
    used = f"{used_seconds * MILLISECONDS:g} ms"
    return f"{signal} is counted at {used}, the largest histogram bound below {asked_milliseconds} ms"


def _unmeasured(engine: str, signal: Signal, buckets: tuple[float, ...]) -> str:
    if not buckets:
        return f"{signal} cannot be measured: {engine} has no histogram of it"
    return f"{signal} cannot be measured: the lowest histogram bound of {engine} is {buckets[0] * MILLISECONDS:g} ms"
