"""The traffic of a deployment, from the sums over its replicas of each dialect. Pure.

Replicas of one deployment may be different engines, each with its own metric names. Prometheus sums each dialect by itself;
here the parts become one: rates and gauges are added, means are weighted with the requests of each part. A sum that one part
does not know is not known as a whole: half of the arrivals would look like little traffic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from modelmatrix.catalogue.metrics import MetricDialect, Signal
from modelmatrix.scaling.observation.observation import BoundAttainment, Traffic
from modelmatrix.signals.fleet_queries import OBSERVED_SECONDS, REQUEST_TOKENS
from modelmatrix.signals.samples import DeploymentSamples
from modelmatrix.signals.slo_buckets import SloBuckets


class DialectTraffic(NamedTuple):
    """The traffic of the replicas of one dialect; ``None`` is unknown. Arrivals are per second, lengths are mean tokens."""

    short: float | None
    long: float | None
    fast: float | None
    running: float | None
    waiting: float | None
    kv_usage: float | None
    input_tokens: float | None
    output_tokens: float | None
    hit_ratio: float | None


def dialect_traffic(samples: DeploymentSamples, dialect: MetricDialect, *, is_zero: bool) -> DialectTraffic:
    """The part of one dialect; with ``is_zero`` a sum that is absent is zero, else it is unknown."""
    sums, means = _names(dialect.name)
    value, absent = samples.values.get, 0.0 if is_zero else None
    short, long, fast, running, waiting = (value(name, absent) for name in sums)
    if running is None and Signal.RUNNING not in dialect.metrics:
        running = 0.0
    return DialectTraffic(short, long, fast, running, waiting, *(value(name) for name in means))


@lru_cache(maxsize=64)
def _names(dialect: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    sums = (f"{dialect}/{name}" for name in ("short", "long", "fast", "running", "waiting"))
    means = (f"{dialect}/{name}" for name in ("kv_usage", "input", "output", "hit"))
    return tuple(sums), tuple(means)


def combine(parts: list[DialectTraffic]) -> DialectTraffic:
    """All parts as one: sums, and means over the requests."""
    if len(parts) == 1:
        return parts[0]
    weights = [part.long or 0.0 for part in parts]
    short, long, fast, running, waiting, *means = zip(*parts, strict=True)
    kv_usage, inputs, outputs, hits = (_mean(values, weights) for values in means)
    return DialectTraffic(_sum(short), _sum(long), _sum(fast), _sum(running), _sum(waiting), kv_usage, inputs, outputs, hits)


def _sum(numbers: Iterable[float | None]) -> float | None:
    total = 0.0
    for number in numbers:
        if number is None:
            return None
        total += number
    return total


def _mean(values: Iterable[float | None], weights: Iterable[float]) -> float | None:
    known = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None]
    total = sum(weight for _, weight in known)
    if total > 0:
        return sum(value * weight for value, weight in known) / total
    return sum(value for value, _ in known) / len(known) if known else None


def traffic_of(part: DialectTraffic, samples: DeploymentSamples, bounds: SloBuckets) -> Traffic | None:
    """The traffic; ``None`` when arrivals or requests in flight are unknown."""
    if part.short is None or part.long is None or part.running is None or part.waiting is None:
        return None
    return Traffic(
        arrivals_per_second=max(0.0, part.short),
        arrivals_per_second_long=max(0.0, part.long),
        arrivals_per_second_fast=part.fast,
        waiting=part.waiting,
        running=part.running,
        input_tokens=part.input_tokens or 0.0,
        output_tokens=part.output_tokens or 0.0,
        hit_ratio=min(max(0.0, part.hit_ratio or 0.0), 1.0),
        kv_usage_ratio=part.kv_usage or 0.0,
        observed_seconds=OBSERVED_SECONDS,
        ttft=_share(samples, bounds, Signal.TTFT),
        tpot=_share(samples, bounds, Signal.TPOT),
        e2e=_share(samples, bounds, Signal.E2E),
    )


def _share(samples: DeploymentSamples, bounds: SloBuckets, signal: Signal) -> BoundAttainment | None:
    """Requests within a bound, over all engines that have it as a bucket; ``None`` when nothing was measured."""
    requests = met = 0.0
    counts = samples.buckets
    for keys in bounds.keys.get(signal, ()):
        total, within = counts.get(keys.all, 0.0), counts.get(keys.within)
        if within is None:
            within = counts.get(keys.within_short)
        if within is not None and total > 0:
            requests, met = requests + total, met + min(within, total)
    return BoundAttainment(requests=requests, within=met) if requests > 0 else None


def missing_input(part: DialectTraffic) -> str:
    """The first figure that is unknown, in words for a message."""
    names = {
        "running requests": part.running,
        "waiting requests": part.waiting,
        "the arrivals of a minute": part.short,
        "the arrivals of three minutes": part.long,
    }
    return next((name for name, value in names.items() if value is None), "the traffic")


def token_count_note(dialects: Mapping[str, MetricDialect]) -> str:
    """A remark for engines that count no requests: their traffic is derived from output tokens. Empty for others."""
    counting = {Signal.RECEIVED, Signal.FINISHED}
    uncounted = [name for name, dialect in dialects.items() if not counting & dialect.metrics.keys()]
    message = "counts no requests: its load is counted in requests of"
    return "; ".join(f"{name} {message} {REQUEST_TOKENS:g} output tokens" for name in uncounted)
