"""What Prometheus says about one deployment: how good its signals are, the traffic, and figures that are shown. Pure.

Idle is proven or it is not idle: every settled replica is measured, its samples are fresh, its counters are there and flat.
What is missing is unknown, and unknown is not zero; what is there all the same is passed on as a part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.facts import Dialect, Signal
from modelmatrix.scaling.observation import EngineReading, Traffic
from modelmatrix.telemetry.presence import Leader, Presence, presence
from modelmatrix.telemetry.signals import Raw
from modelmatrix.telemetry.slo_bounds import CountedBounds
from modelmatrix.telemetry.traffic import Sums, traffic_of

MILLISECONDS = 1000.0
TRUSTED = frozenset({Reason.SIGNALS_FRESH, Reason.NO_TRAFFIC})


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is known of a deployment without Prometheus.

    ``leaders`` are its replicas that are not draining, ``dialects`` those that its pools speak. ``bounds`` are the
    histogram bounds that count for its SLO, ``percentile`` is the SLO's.
    """

    leaders: tuple[Leader, ...]
    draining: int
    dialects: Mapping[str, Dialect]
    bounds: CountedBounds
    percentile: int
    is_asleep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One deployment's signals: how good they are, what is known of the traffic, and latencies that are shown.

    ``age_seconds`` is the age of the oldest newest sample of a settled replica, in model time.
    """

    quality: Reason
    message: str
    traffic: Traffic | None = None
    engines: Mapping[str, EngineReading] = field(default_factory=dict)
    ttft_milliseconds: int | None = None
    tpot_milliseconds: int | None = None
    bound_message: str = ""
    age_seconds: float | None = None


def read(raw: Raw, expected: Expected, *, problem: str, time_scale: float) -> Reading:
    """One deployment's signals; ``problem`` says why Prometheus's answers as a whole are no good, if they are not."""
    found = presence(raw.pods, expected.leaders, expected.draining, time_scale)
    sums = _sums(raw, expected, found.unused)
    traffic = None if found.strangers else traffic_of(sums, expected.bounds)
    quality, message = _quality(found, sums, traffic, expected, problem)
    if traffic is not None and (quality not in TRUSTED or found.measured < _ready(expected.leaders)):
        traffic = replace(traffic, measured=found.measured)
    return Reading(
        quality=quality,
        message=message,
        traffic=traffic,
        engines=_engines(raw, expected.dialects),
        ttft_milliseconds=_percentile(raw, expected, Signal.TTFT),
        tpot_milliseconds=_percentile(raw, expected, Signal.TPOT),
        bound_message=expected.bounds.message,
        age_seconds=found.age_seconds,
    )


def _ready(leaders: Iterable[Leader]) -> int:
    return sum(leader.ready_seconds is not None for leader in leaders)


def _sums(raw: Raw, expected: Expected, unused: frozenset[str]) -> Sums:
    """Numbers are required of the dialects of replicas that must be measured; where there are none, of all."""
    dialects = {leader.dialect.name: leader.dialect for leader in expected.leaders}
    settled = {leader.dialect.name for leader in expected.leaders if leader.is_settled}
    return Sums(raw, dialects, frozenset(settled or dialects), unused)


def _quality(found: Presence, sums: Sums, traffic: Traffic | None, expected: Expected, problem: str) -> tuple[Reason, str]:
    """The first thing that is wrong, or else what was proven."""
    if problem:
        return Reason.PROMETHEUS_UNAVAILABLE, problem
    if expected.is_asleep:
        return Reason.SCALED_TO_ZERO, "no replica, no signals"
    if not found.settled:
        return Reason.SIGNALS_MISSING, "no replica has served long enough to be measured"
    if traffic is None and found.problem is None:
        words = f"Prometheus has no usable number of {sums.unknown}: see the metrics pages of the replicas"
        return _renamed(found, sums) or (Reason.SIGNALS_MISSING, words)
    return found.problem or _renamed(found, sums) or _proven(found, sums, traffic, expected)


def _proven(found: Presence, sums: Sums, traffic: Traffic | None, expected: Expected) -> tuple[Reason, str]:
    is_idle = traffic is not None and traffic.is_idle
    words = "nothing arrives" if is_idle else f"{found.measured} replicas are measured"
    remarks = (expected.bounds.unmeasured, sums.remark)
    return Reason.NO_TRAFFIC if is_idle else Reason.SIGNALS_FRESH, "; ".join((words, *filter(None, remarks)))


def _renamed(found: Presence, sums: Sums) -> tuple[Reason, str] | None:
    """A metric that the dialect has and some replicas do not show."""
    for dialect in sums.dialects.values():
        for signal, names in dialect.metrics.items():
            number = sums.raw.value(f"{dialect.name}/missing/{signal}")
            if number:
                shown = " or ".join(names)
                words = (
                    f"{number:.0f} of {found.measured} replicas do not show {shown} although their targets are up: this image "
                    f"of {dialect.name} names its metrics otherwise; use one that the catalogue knows, or have its names added"
                )
                return Reason.SIGNALS_MISSING, words
    return None


def _engines(raw: Raw, dialects: Mapping[str, Dialect]) -> dict[str, EngineReading]:
    """The middle replica of each pool, where all of its figures are known."""
    found = {}
    for pool, dialect in dialects.items():
        step, running, kv_usage, computed = (
            raw.values.get((f"{dialect.name}/engine/{name}", pool)) for name in ("step", "running", "kv_usage", "computed")
        )
        if step is not None and running is not None and kv_usage is not None and computed is not None:
            found[pool] = EngineReading(
                step_seconds=step,
                running=running,
                kv_usage_ratio=kv_usage,
                prompt_tokens_per_second=max(0.0, computed),
            )
    return found


def _percentile(raw: Raw, expected: Expected, signal: Signal) -> int | None:
    """A latency that is shown, in milliseconds: that of the slowest engine."""
    names = {dialect.name for dialect in expected.dialects.values()}
    found = [value for name in names if (value := raw.value(f"{name}/{signal}/{expected.percentile}")) is not None]
    return round(MILLISECONDS * max(found)) if found else None
