"""The traffic of a deployment from sums over its replicas, over all engines that it runs on. Pure."""

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
    """What the replicas of one dialect do; ``None`` where that is not known. Arrivals are per second, lengths are means."""

    short: float | None
    long: float | None
    fast: float | None
    running: float | None
    waiting: float | None
    kv_usage: float | None
    input_tokens: float | None
    output_tokens: float | None
    hit_ratio: float | None


def dialect_traffic(raw: DeploymentSamples, dialect: MetricDialect, *, is_zero: bool) -> DialectTraffic:
    """The part of one dialect; ``is_zero`` says that what is not there of its sums is nothing."""
    sums, means = _names(dialect.name)
    value, otherwise = raw.values.get, 0.0 if is_zero else None
    short, long, fast, running, waiting = (value(name, otherwise) for name in sums)
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


def traffic_of(part: DialectTraffic, raw: DeploymentSamples, bounds: SloBuckets) -> Traffic | None:
    """The traffic; ``None`` when arrivals or requests in flight are not known."""
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
        ttft=_share(raw, bounds, Signal.TTFT),
        tpot=_share(raw, bounds, Signal.TPOT),
        e2e=_share(raw, bounds, Signal.E2E),
    )


def _share(raw: DeploymentSamples, bounds: SloBuckets, signal: Signal) -> BoundAttainment | None:
    """Requests within a bound, over all engines that have it as a bucket; ``None`` when nothing was measured."""
    requests = kept = 0.0
    counts = raw.buckets
    for keys in bounds.keys.get(signal, ()):
        total, within = counts.get(keys.all, 0.0), counts.get(keys.within)
        if within is None:
            within = counts.get(keys.within_short)
        if within is not None and total > 0:
            requests, kept = requests + total, kept + min(within, total)
    return BoundAttainment(requests=requests, within=kept) if requests > 0 else None


def missing_input(part: DialectTraffic) -> str:
    """What has no number."""
    names = {
        "running requests": part.running,
        "waiting requests": part.waiting,
        "the arrivals of a minute": part.short,
        "the arrivals of three minutes": part.long,
    }
    return next((name for name, value in names.items() if value is None), "the traffic")


def token_count_note(dialects: Mapping[str, MetricDialect]) -> str:
    """What an engine's figures stand for, where they are not what they seem."""
    uncounted = [name for name, one in dialects.items() if not {Signal.RECEIVED, Signal.FINISHED} & one.metrics.keys()]
    words = "counts no requests: its load is counted in requests of"
    return "; ".join(f"{name} {words} {REQUEST_TOKENS:g} output tokens" for name in uncounted)
