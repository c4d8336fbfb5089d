"""What Prometheus says about one deployment: how good its signals are, the traffic, and figures that are shown. Pure.

Idle is proven or it is not idle: every settled replica is measured, its samples are fresh, its counters are there and flat.
What is missing is unknown, and unknown is not zero; what is there all the same is passed on as a part.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace

from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.metrics import MetricDialect, Signal
from modelmatrix.scaling.observation.observation import EngineReading, Traffic
from modelmatrix.scaling.observation.slo_attainment import MIN_REQUESTS
from modelmatrix.signals.samples import DeploymentSamples
from modelmatrix.signals.scrape_coverage import ReplicaTarget, ScrapeCoverage, scrape_coverage
from modelmatrix.signals.slo_buckets import SloBuckets
from modelmatrix.signals.traffic import DialectTraffic, combine, dialect_traffic, missing_input, traffic_of

MILLISECONDS = 1000.0
NOTHING = DialectTraffic(*(None for _ in DialectTraffic._fields))
TRUSTED = frozenset({Reason.SIGNALS_FRESH, Reason.NO_TRAFFIC})


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedTargets:
    """What is known of a deployment without Prometheus.

    ``leaders`` are its replicas that are not draining, ``dialects`` those that its pools speak. ``bounds`` are the
    histogram bounds that count for its SLO, ``percentile`` is the SLO's. ``remark`` says what figures stand for.
    """

    leaders: tuple[ReplicaTarget, ...]
    draining: int
    dialects: Mapping[str, MetricDialect]
    bounds: SloBuckets
    percentile: int
    is_asleep: bool = False
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalReading:
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


def read_signals(
    raw: DeploymentSamples, expected: ExpectedTargets, formerly: Container[str] = (), *, problem: str, time_scale: float
) -> SignalReading:
    """One deployment's signals.

    ``formerly`` are pods that were its replicas. ``problem`` says why Prometheus's answers as a whole are no good, if they are
    not.
    """
    found = scrape_coverage(raw.pods, expected.leaders, expected.draining, time_scale, formerly)
    part = combine(_parts(raw, expected.leaders, found))
    traffic = None if found.strangers else traffic_of(part, raw, expected.bounds)
    quality, message = _wrong(raw, expected, found, problem) or _proven(expected, found, part, traffic)
    if traffic is not None and (quality not in TRUSTED or found.measured < found.ready):
        traffic = replace(traffic, measured=found.measured)
    return SignalReading(
        quality=quality,
        message=message,
        traffic=traffic,
        engines=_engines(raw, expected.dialects) if raw.engines else {},
        ttft_milliseconds=_percentile(raw, expected, Signal.TTFT),
        tpot_milliseconds=_percentile(raw, expected, Signal.TPOT),
        bound_message=expected.bounds.message,
        age_seconds=found.age_seconds,
    )


def _parts(raw: DeploymentSamples, leaders: tuple[ReplicaTarget, ...], found: ScrapeCoverage) -> list[DialectTraffic]:
    """Numbers are required of the dialects of replicas that must be measured; where there are none, of all."""
    dialects = {leader.dialect.name: leader.dialect for leader in leaders}
    if len(dialects) == 1:
        ((name, dialect),) = dialects.items()
        return [dialect_traffic(raw, dialect, is_zero=name in found.unused)]
    settled = {leader.dialect.name for leader in leaders if leader.is_settled} or dialects.keys()
    parts = [dialect_traffic(raw, one, is_zero=name in found.unused or name not in settled) for name, one in dialects.items()]
    return parts or [NOTHING]


def _wrong(raw: DeploymentSamples, expected: ExpectedTargets, found: ScrapeCoverage, problem: str) -> tuple[Reason, str] | None:
    """The first thing that is wrong with what there is."""
    if problem:
        return Reason.PROMETHEUS_UNAVAILABLE, problem
    if expected.is_asleep:
        return Reason.SCALED_TO_ZERO, "no replica, no signals"
    if not found.settled:
        return Reason.REPLICA_STARTING, "no replica has served long enough to be measured"
    return found.problem or (_renamed(raw, expected, found) if raw.missing else None)


def _proven(
    expected: ExpectedTargets, found: ScrapeCoverage, part: DialectTraffic, traffic: Traffic | None
) -> tuple[Reason, str]:
    """What the numbers prove, if they are there."""
    if traffic is None:
        return (
            Reason.SIGNALS_MISSING,
            f"Prometheus has no usable number of {missing_input(part)}: see the replicas' metrics pages",
        )
    words = "nothing arrives" if traffic.is_idle else f"{found.measured} replicas are measured"
    remarks = filter(None, (expected.bounds.unmeasured, expected.remark, _silent(expected, traffic)))
    return Reason.NO_TRAFFIC if traffic.is_idle else Reason.SIGNALS_FRESH, "; ".join((words, *remarks))


def _silent(expected: ExpectedTargets, traffic: Traffic) -> str:
    """Bounds of the SLO against which no request was measured, while enough of them were against another."""
    shares = {Signal.TTFT: traffic.ttft, Signal.TPOT: traffic.tpot, Signal.E2E: traffic.e2e}
    silent = [str(signal) for signal in expected.bounds.keys if shares[signal] is None]
    if not silent or not any(share is not None and share.requests >= MIN_REQUESTS for share in shares.values()):
        return ""
    return f"no request was measured against {' and '.join(silent)}"


def _renamed(raw: DeploymentSamples, expected: ExpectedTargets, found: ScrapeCoverage) -> tuple[Reason, str] | None:
    """A metric that the dialect has and some replicas do not show."""
    for leader in expected.leaders:
        for signal, names in leader.dialect.metrics.items():
            number = raw.missing.get(f"{leader.dialect.name}/{signal}")
            if number:
                shown = " or ".join(names)
                words = (
                    f"{number:.0f} of {found.measured} replicas do not show {shown} although their targets are up: this image "
                    f"of {leader.engine} names its metrics otherwise; use one that the catalogue knows, or have its names added"
                )
                return Reason.SIGNALS_MISSING, words
    return None


def _engines(raw: DeploymentSamples, dialects: Mapping[str, MetricDialect]) -> dict[str, EngineReading]:
    """The middle replica of each pool, where all of its figures are known."""
    found = {}
    for pool, dialect in dialects.items():
        step, running, kv_usage, computed = (
            raw.engines.get((f"{dialect.name}/{name}", pool)) for name in ("step", "running", "kv_usage", "computed")
        )
        if step is not None and running is not None and kv_usage is not None and computed is not None:
            found[pool] = EngineReading(
                step_seconds=step,
                running=running,
                kv_usage_ratio=kv_usage,
                prompt_tokens_per_second=max(0.0, computed),
            )
    return found


def _percentile(raw: DeploymentSamples, expected: ExpectedTargets, signal: Signal) -> int | None:
    """A latency that is shown, in milliseconds: that of the slowest engine."""
    found = []
    for keys in expected.bounds.keys.get(signal, ()):
        value = raw.values.get(f"{keys.all[0]}/{expected.percentile}")
        if value is not None:
            found.append(value)
    return round(MILLISECONDS * max(found)) if found else None
