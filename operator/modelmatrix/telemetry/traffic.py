"""The traffic of a deployment from sums over its replicas, over all engines that it runs on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from modelmatrix.catalogue.facts import Dialect, Signal
from modelmatrix.scaling.observation import Share, Traffic
from modelmatrix.telemetry.queries import OBSERVED_SECONDS, REQUEST_TOKENS
from modelmatrix.telemetry.signals import Raw
from modelmatrix.telemetry.slo_bounds import CountedBounds

_INFINITY = "+Inf"


@dataclass(frozen=True, slots=True)
class Sums:
    """Values over all replicas, by dialect; those of ``required`` dialects must be there, the others may still be missing.

    ``unused`` dialects are required too, but nothing of theirs is a zero: their replicas were never asked anything.
    """

    raw: Raw
    dialects: Mapping[str, Dialect]
    required: frozenset[str]
    unused: frozenset[str] = frozenset()

    def total(self, name: str) -> float | None:
        """Sum over the dialects; ``None`` when one that is required has no number."""
        return _sum([self._of(dialect, name) for dialect in self.dialects])

    def gauge(self, signal: Signal) -> float | None:
        """The same over those dialects that have such a gauge."""
        return _sum([self._of(name, str(signal)) for name, dialect in self.dialects.items() if signal in dialect.metrics])

    def _of(self, dialect: str, name: str) -> float | None:
        value = self.raw.value(f"{dialect}/{name}")
        is_zero = value is None and (dialect in self.unused or dialect not in self.required)
        return 0.0 if is_zero else value

    def mean(self, name: str) -> float:
        """Mean over the requests of all dialects, 0.0 where none is known."""
        pairs = [(self._of(dialect, "long") or 0.0, self.raw.value(f"{dialect}/{name}")) for dialect in self.dialects]
        known = [(weight, value) for weight, value in pairs if value is not None]
        weights = sum(weight for weight, _ in known)
        if weights > 0:
            return sum(weight * value for weight, value in known) / weights
        return sum(value for _, value in known) / len(known) if known else 0.0

    @property
    def unknown(self) -> str:
        """What has no number."""
        names = {"short": "the arrivals of a minute", "long": "the arrivals of three minutes"}
        lacking = [words for name, words in names.items() if self.total(name) is None]
        gauges = [f"{signal} requests" for signal in (Signal.RUNNING, Signal.WAITING) if self.gauge(signal) is None]
        return (*gauges, *lacking, "the traffic")[0]

    @property
    def remark(self) -> str:
        """What an engine's figures stand for, where they are not what they seem."""
        uncounted = [name for name, one in self.dialects.items() if not {Signal.RECEIVED, Signal.FINISHED} & one.metrics.keys()]
        words = "counts no requests: its load is counted in requests of"
        return "; ".join(f"{name} {words} {REQUEST_TOKENS:g} output tokens" for name in uncounted)


def _sum(numbers: Iterable[float | None]) -> float | None:
    total = 0.0
    for number in numbers:
        if number is None:
            return None
        total += number
    return total


def traffic_of(sums: Sums, bounds: CountedBounds) -> Traffic | None:
    """The traffic; ``None`` when arrivals or requests in flight are not known."""
    short, long = sums.total("short"), sums.total("long")
    running, waiting = sums.gauge(Signal.RUNNING), sums.gauge(Signal.WAITING)
    if short is None or long is None or running is None or waiting is None:
        return None
    return Traffic(
        arrivals_per_second=max(0.0, short),
        arrivals_per_second_long=max(0.0, long),
        arrivals_per_second_fast=sums.total("fast"),
        waiting=waiting,
        running=running,
        input_tokens=sums.mean("input"),
        output_tokens=sums.mean("output"),
        hit_ratio=min(max(0.0, sums.mean("hit")), 1.0),
        kv_usage_ratio=sums.mean(str(Signal.KV_USAGE)),
        observed_seconds=OBSERVED_SECONDS,
        ttft=_share(sums.raw, bounds, Signal.TTFT),
        tpot=_share(sums.raw, bounds, Signal.TPOT),
        e2e=_share(sums.raw, bounds, Signal.E2E),
    )


def _share(raw: Raw, bounds: CountedBounds, signal: Signal) -> Share | None:
    """Requests within a bound, over all engines that have it as a bucket; ``None`` when nothing was measured."""
    requests = kept = 0.0
    for dialect, seconds in bounds.seconds.items():
        bound = seconds.get(signal)
        total = raw.values.get((f"{dialect}/{signal}", _INFINITY), 0.0)
        within = None if bound is None else _bucket(raw, f"{dialect}/{signal}", bound)
        if within is not None and total > 0:
            requests, kept = requests + total, kept + min(within, total)
    return Share(requests=requests, within=kept) if requests > 0 else None


def _bucket(raw: Raw, name: str, bound: float) -> float | None:
    """The count of a bucket, however its bound is written."""
    written = raw.values.get((name, repr(float(bound))))
    return raw.values.get((name, f"{bound:g}")) if written is None else written
