"""One deployment's signals: how far they can be trusted, the traffic, and the latencies that are shown. Pure.

1. ``scrape_coverage`` compares the replicas with the pods that Prometheus scrapes.
2. ``traffic`` adds up the figures of the dialects in use. A figure that is absent is unknown, and unknown is not zero.
3. The first problem in this order gives the quality: Prometheus does not answer, the deployment is at zero, no replica is
   settled, a settled replica is not measured, a metric is missing. Without a problem the numbers decide: ``NoTraffic`` is
   proven by counters that are there and flat on every settled replica, everything else is ``SignalsFresh``.

The traffic of a part of the replicas is returned too, with the number of replicas behind it: the policy may add replicas on
it, and removes none.
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
    """What Prometheus should know of a deployment.

    ``leaders`` are its replicas that are not draining, ``dialects`` those of the engines on its pools. ``bounds`` are the
    histogram bounds that count for its SLO, ``percentile`` is the SLO's. ``remark`` is appended to the message of good
    signals.
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
    """One deployment's signals: how far they can be trusted, what is known of the traffic, and latencies that are shown.

    ``age_seconds`` is the age of the newest sample of the settled replica whose newest sample is oldest, in model time.
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
    samples: DeploymentSamples, expected: ExpectedTargets, recent_pods: Container[str] = (), *, problem: str, time_scale: float
) -> SignalReading:
    """One deployment's signals.

    ``recent_pods`` were its replicas until a short while ago. ``problem`` is why Prometheus's answers cannot be used
    as a whole; empty when they can.
    """
    coverage = scrape_coverage(samples.pods, expected.leaders, expected.draining, time_scale, recent_pods)
    part = combine(_parts(samples, expected.leaders, coverage))
    traffic = None if coverage.has_foreign_pods else traffic_of(part, samples, expected.bounds)
    quality, message = _problem(samples, expected, coverage, problem) or _proven(expected, coverage, part, traffic)
    if traffic is not None and (quality not in TRUSTED or coverage.measured < coverage.ready):
        traffic = replace(traffic, measured=coverage.measured)
    return SignalReading(
        quality=quality,
        message=message,
        traffic=traffic,
        engines=_engines(samples, expected.dialects) if samples.engines else {},
        ttft_milliseconds=_percentile(samples, expected, Signal.TTFT),
        tpot_milliseconds=_percentile(samples, expected, Signal.TPOT),
        bound_message=expected.bounds.message,
        age_seconds=coverage.age_seconds,
    )


def _parts(samples: DeploymentSamples, leaders: tuple[ReplicaTarget, ...], coverage: ScrapeCoverage) -> list[DialectTraffic]:
    """The traffic by dialect. Only dialects of settled replicas must have numbers; without settled replicas all must."""
    dialects = {leader.dialect.name: leader.dialect for leader in leaders}
    if len(dialects) == 1:
        ((name, dialect),) = dialects.items()
        return [dialect_traffic(samples, dialect, is_zero=name in coverage.unused)]
    settled = {leader.dialect.name for leader in leaders if leader.is_settled} or dialects.keys()
    parts = [
        dialect_traffic(samples, dialect, is_zero=name in coverage.unused or name not in settled)
        for name, dialect in dialects.items()
    ]
    return parts or [NOTHING]


def _problem(
    samples: DeploymentSamples, expected: ExpectedTargets, coverage: ScrapeCoverage, problem: str
) -> tuple[Reason, str] | None:
    """The first problem of the signals, in the order of the module's text."""
    if problem:
        return Reason.PROMETHEUS_UNAVAILABLE, problem
    if expected.is_asleep:
        return Reason.SCALED_TO_ZERO, "no replica, no signals"
    if not coverage.settled:
        return Reason.REPLICA_STARTING, "no replica has served long enough to be measured"
    return coverage.problem or (_renamed(samples, expected, coverage) if samples.missing else None)


def _proven(
    expected: ExpectedTargets, coverage: ScrapeCoverage, part: DialectTraffic, traffic: Traffic | None
) -> tuple[Reason, str]:
    """What the numbers prove; that one is missing, where the traffic is unknown."""
    if traffic is None:
        return (
            Reason.SIGNALS_MISSING,
            f"Prometheus has no usable number of {missing_input(part)}: see the replicas' metrics pages",
        )
    message = "nothing arrives" if traffic.is_idle else f"{coverage.measured} replicas are measured"
    remarks = filter(None, (expected.bounds.unmeasured, expected.remark, _unobserved(expected, traffic), coverage.copies))
    return Reason.NO_TRAFFIC if traffic.is_idle else Reason.SIGNALS_FRESH, "; ".join((message, *remarks))


def _unobserved(expected: ExpectedTargets, traffic: Traffic) -> str:
    """Bounds of the SLO against which no request was measured, while enough of them were against another."""
    shares = {Signal.TTFT: traffic.ttft, Signal.TPOT: traffic.tpot, Signal.E2E: traffic.e2e}
    unobserved = [str(signal) for signal in expected.bounds.keys if shares[signal] is None]
    if not unobserved or not any(share is not None and share.requests >= MIN_REQUESTS for share in shares.values()):
        return ""
    return f"no request was measured against {' and '.join(unobserved)}"


def _renamed(samples: DeploymentSamples, expected: ExpectedTargets, coverage: ScrapeCoverage) -> tuple[Reason, str] | None:
    """A metric that the dialect has and that some replicas do not show."""
    for leader in expected.leaders:
        for signal, names in leader.dialect.metrics.items():
            number = samples.missing.get(f"{leader.dialect.name}/{signal}")
            if number:
                shown = " or ".join(names)
                message = (
                    f"{number:.0f} of {coverage.measured} replicas do not show {shown} although their targets are up: this "
                    f"image of {leader.engine} names its metrics otherwise; use one that the catalogue knows, or have its "
                    "names added"
                )
                return Reason.SIGNALS_MISSING, message
    return None


def _engines(samples: DeploymentSamples, dialects: Mapping[str, MetricDialect]) -> dict[str, EngineReading]:
    """The median replica of each pool, where all of its figures are known."""
    engines = {}
    for pool, dialect in dialects.items():
        step, running, kv_usage, computed = (
            samples.engines.get((f"{dialect.name}/{name}", pool)) for name in ("step", "running", "kv_usage", "computed")
        )
        if step is not None and running is not None and kv_usage is not None and computed is not None:
            engines[pool] = EngineReading(
                step_seconds=step,
                running=running,
                kv_usage_ratio=kv_usage,
                prompt_tokens_per_second=max(0.0, computed),
            )
    return engines


def _percentile(samples: DeploymentSamples, expected: ExpectedTargets, signal: Signal) -> int | None:
    """A latency that is shown, in milliseconds: that of the slowest engine."""
    seconds = []
    for keys in expected.bounds.keys.get(signal, ()):
        value = samples.values.get(f"{keys.all[0]}/{expected.percentile}")
        if value is not None:
            seconds.append(value)
    return round(MILLISECONDS * max(seconds)) if seconds else None
