"""The capacity of one replica as the scaling policy uses it, and how blurred the edge of that capacity is.

The edge is the arrival rate at which half of the requests miss the SLO: ``EngineTiming.capacity`` at the median. Around it the
share of misses is taken as normal in the load, with the relative variance

    (UNPOOLED + (1 - UNPOOLED) / replicas) * (dispersion + LENGTH_VARIANCE) / in_flight

Load is smoothed over the ``in_flight`` requests of a replica, and over all replicas behind a least-loaded gateway, but for the
part that stays with a replica. The numerator is the variance of the work in a count of requests: that of the count over its
mean (the dispersion) plus that of the work of one request (Wald's equation for a compound sum). The 99th percentile of an SLO
is reached by a margin on this edge (``capacity_need``), which what was attained corrects. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isinf

from modelmatrix.performance.engine_timing import BindingLimit, EngineLimits, EngineTiming, SloBounds, TokenLengths

MEDIAN = 50.0
# Inputs that moved less than this leave a capacity as it is: numbers that flicker would make replicas flicker.
DEADBAND = 0.02
# Variance over squared mean of the work of a request, before anything was measured: that of exponential lengths.
LENGTH_VARIANCE = 1.0
# The part of the variance that does not average out over replicas: a long prompt slows its own neighbours only.
# Measured on the request-level simulator at 1, 4 and 10 replicas: 0 with equal lengths, 0.15 with exponential ones.
UNPOOLED_SHARE = 0.15

Inputs = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class CapacityEstimate:
    """The edge of one replica in requests per second, 0.0 where even a single request misses the SLO.

    ``in_flight`` are the requests in hand at the edge. ``slo`` and ``inputs`` are what the estimate was computed from.
    """

    requests_per_second: float
    in_flight: float
    bound: BindingLimit
    slo: SloBounds
    inputs: Inputs

    def variance(self, replicas: float, dispersion: float) -> float:
        """Squared relative deviation of the load at which requests miss, with a number of replicas.

        ``dispersion`` is variance over mean of arrival counts.
        """
        if self.in_flight <= 0:
            return 0.0
        pooled = UNPOOLED_SHARE + (1.0 - UNPOOLED_SHARE) / max(1.0, replicas)
        return pooled * (dispersion + LENGTH_VARIANCE) / self.in_flight


def estimate_capacity(
    timing: EngineTiming,
    limits: EngineLimits,
    lengths: TokenLengths,
    slo: SloBounds,
    *,
    known: CapacityEstimate | None = None,
) -> CapacityEstimate:
    """The capacity of one replica; ``known`` itself while no input has moved by more than the deadband."""
    inputs = (
        timing.alpha_seconds,
        timing.beta_seconds_per_token,
        timing.gamma_seconds_per_kv_token,
        lengths.input_tokens,
        lengths.output_tokens,
        1.0 - lengths.hit_ratio,
    )
    if known is not None and known.slo == slo and _is_near(inputs, known.inputs):
        return known
    edge = timing.capacity(slo, lengths, limits, percentile=MEDIAN)
    # An engine without any work per request has no limit to scale by.
    rate = 0.0 if isinf(edge.requests_per_second) else edge.requests_per_second
    seconds = _seconds_in_hand(timing, lengths, slo, rate) if rate > 0 else 0.0
    return CapacityEstimate(rate, rate * seconds, edge.bound, slo, inputs)


def _is_near(first: Inputs, second: Inputs) -> bool:
    return all(abs(a - b) <= DEADBAND * b for a, b in zip(first, second, strict=True))


def _seconds_in_hand(timing: EngineTiming, lengths: TokenLengths, slo: SloBounds, rate: float) -> float:
    """How long a request is in hand at the edge: the time over which the engine averages its arrivals."""
    step = min(timing.itl_seconds(rate, lengths), slo.tpot_seconds or inf)
    decode = lengths.output_tokens * step if step < inf else 0.0
    wait = slo.ttft_seconds or slo.e2e_seconds or 0.0
    return max(decode + wait, timing.alpha_seconds) if slo.e2e_seconds is None else max(slo.e2e_seconds, timing.alpha_seconds)
