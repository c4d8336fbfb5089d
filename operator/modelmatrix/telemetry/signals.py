"""What Prometheus's answers mean for each deployment. Pure.

Idle is proven or it is not idle: every ready replica measured, samples fresh, counters there and flat. Everything else
that is missing is unknown, and unknown is not zero.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from modelmatrix.api.model_deployment import ServiceLevelObjective
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.views import Key
from modelmatrix.scaling.observation import Share, Traffic
from modelmatrix.telemetry.prometheus import Vector
from modelmatrix.telemetry.queries import LONG_SECONDS, OBSERVED_SECONDS, SHORT_SECONDS

STALE_SECONDS = 60.0
DEFAULT_INPUT_TOKENS = 1000.0
DEFAULT_OUTPUT_TOKENS = 200.0
MILLISECONDS = 1000.0


@dataclass(slots=True)
class Raw:
    """Values by signal, and bucket counts by signal and bound, of one deployment."""

    values: dict[str, float] = field(default_factory=dict)
    buckets: dict[str, dict[float, float]] = field(default_factory=lambda: defaultdict(dict))


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of a deployment without Prometheus.

    ``settled`` are replicas that have been ready long enough to be scraped; ``bounds`` are the histogram bounds that count
    for the SLO, by signal, in seconds, with the bound that was asked for.
    """

    settled: int
    slo: ServiceLevelObjective | None
    bounds: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Reading:
    """One deployment's signals: how good they are, the traffic if they are good, and latencies that are shown."""

    quality: Reason
    message: str
    traffic: Traffic | None = None
    ttft_milliseconds: int | None = None
    tpot_milliseconds: int | None = None
    bound_message: str = ""
    age_seconds: float | None = None


def collect(vectors: Mapping[str, Vector]) -> dict[Key, Raw]:
    """Answers by deployment."""
    found: defaultdict[Key, Raw] = defaultdict(Raw)
    for query, vector in vectors.items():
        for sample in vector.samples:
            labels = sample.labels
            raw = found[Key(labels.get("namespace", ""), labels.get("modelmatrix_io_deployment", ""))]
            if "le" in labels:
                raw.buckets[query][float(labels["le"])] = sample.value
            else:
                prefix = "percentile_" if query == "percentiles" else ""
                raw.values[prefix + labels.get("signal", "")] = sample.value
    return dict(found)


def read(raw: Raw | None, expected: Expected, *, now_seconds: float, time_scale: float) -> Reading:
    """One deployment's signals. ``now_seconds`` is Prometheus's time, so real time."""
    if expected.settled == 0:
        return Reading(Reason.SIGNALS_MISSING, "no replica has served long enough to be measured")
    values = raw.values if raw else {}
    measured = int(values.get("measured", 0))
    if raw is None or measured < expected.settled:
        return Reading(
            Reason.SIGNALS_MISSING,
            f"Prometheus measures {measured} of {expected.settled} ready replicas: check that it scrapes the engine pods",
        )
    age = (now_seconds - values.get("oldest", 0.0)) * time_scale
    if age > STALE_SECONDS:
        words = f"the oldest sample is {age:.0f} s old: check Prometheus and its targets"
        return Reading(Reason.SIGNALS_STALE, words, age_seconds=age)
    if not {"waiting", "running"} & values.keys():
        return Reading(Reason.SIGNALS_MISSING, "the engines report no queue: their metrics have other names")
    traffic = _traffic(raw, expected)
    quality = Reason.NO_TRAFFIC if traffic.is_idle else Reason.SIGNALS_FRESH
    words = "nothing arrives" if traffic.is_idle else f"{measured} replicas are measured"
    return Reading(
        quality,
        words,
        traffic,
        _milliseconds(values.get("percentile_ttft")),
        _milliseconds(values.get("percentile_tpot")),
        _bound_message(expected.bounds),
        age,
    )


def _traffic(raw: Raw, expected: Expected) -> Traffic:
    values = raw.values
    requests = values.get("finished_lengths", 0.0)
    return Traffic(
        arrivals_per_second=_arrivals(values, "short") / SHORT_SECONDS,
        arrivals_per_second_long=_arrivals(values, "long") / LONG_SECONDS,
        waiting=values.get("waiting", 0.0),
        running=values.get("running", 0.0),
        input_tokens=_mean(values.get("input_tokens"), requests, DEFAULT_INPUT_TOKENS),
        output_tokens=_mean(values.get("output_tokens"), requests, DEFAULT_OUTPUT_TOKENS),
        kv_usage_ratio=values.get("kv_usage", 0.0),
        observed_seconds=OBSERVED_SECONDS,
        **{signal: _share(raw.buckets.get(signal, {}), bound) for signal, (bound, _) in expected.bounds.items()},
    )


def _arrivals(values: Mapping[str, float], window: str) -> float:
    """Requests that arrived: those that finished, and what is in flight more than before."""
    parts = (f"finished_{window}", f"running_{window}", f"waiting_{window}")
    return max(0.0, sum(values.get(name, 0.0) for name in parts))


def _mean(total: float | None, requests: float, otherwise: float) -> float:
    return total / requests if total is not None and requests >= 1 else otherwise


def _share(buckets: Mapping[float, float], bound: float) -> Share | None:
    """Requests within a bound; ``None`` when nothing was measured, or the engine has no such bucket."""
    total = buckets.get(float("inf"), 0.0)
    within = next((count for le, count in buckets.items() if abs(le - bound) < 1e-9), None)  # noqa: PLR2004 - float spelling
    if total <= 0 or within is None:
        return None
    return Share(requests=total, within=min(within, total))


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(MILLISECONDS * seconds)


def usable_bound(asked_seconds: float, buckets: Iterable[float]) -> float | None:
    """The bucket that is read for a bound: itself, or the largest below it."""
    return max((bucket for bucket in buckets if bucket <= asked_seconds + 1e-9), default=None)


def _bound_message(bounds: Mapping[str, tuple[float, float]]) -> str:
    parts = [
        f"{signal} is counted at {used * MILLISECONDS:g} ms, the largest histogram bound below {asked * MILLISECONDS:g} ms"
        for signal, (used, asked) in sorted(bounds.items())
        if used < asked
    ]
    return "; ".join(parts)
