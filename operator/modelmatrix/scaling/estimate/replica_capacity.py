"""Requests per second of one replica at which half of the requests miss the SLO, and how sharp that edge is.

The rate comes from the closed forms of ``performance.timing`` at means and medians. Around it the share of misses is taken
as normal in the load: with ``n`` replicas behind a least-loaded gateway, load is smoothed over the requests in flight.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from modelmatrix.performance.engine_timing import BindingLimit, EngineLimits, EngineTiming, SloBounds, TokenLengths

# Accurate to 0.03 % of the range, which is far within what lengths and timing are known to.
_BISECTION_STEPS = 12
_MEDIAN = 50.0
# Inputs that moved less than this leave a capacity as it is: numbers that flicker would make replicas flicker.
DEADBAND = 0.02
# Variance over squared mean of the work of a request, before anything was measured: that of exponential lengths.
LENGTH_VARIANCE = 1.0
# Share of the variance that stays with a replica however many there are: a long prompt slows its own neighbours only.
# Measured on the request-level simulator at 1, 4 and 10 replicas: 0 with equal lengths, 0.15 with exponential ones.
UNPOOLED_SHARE = 0.15

Inputs = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Capacity:
    """One replica at the edge of the SLO.

    ``in_flight`` are the requests that it has in hand there; ``inputs`` what all of it was computed from.
    """

    requests_per_second: float
    in_flight: float
    bound: BindingLimit
    slo: SloBounds
    inputs: Inputs

    def variance(self, replicas: float, dispersion: float) -> float:
        """Squared relative deviation of the load at which requests miss, with so many replicas.

        ``dispersion`` is variance over mean of arrival counts. From counts in flight: ``(dispersion + lengths) / number``.
        """
        if self.in_flight <= 0:
            return 0.0
        pooled = UNPOOLED_SHARE + (1.0 - UNPOOLED_SHARE) / max(1.0, replicas)
        return pooled * (dispersion + LENGTH_VARIANCE) / self.in_flight


def capacity(
    timing: EngineTiming, limits: EngineLimits, lengths: TokenLengths, slo: SloBounds, *, known: Capacity | None = None
) -> Capacity:
    """The capacity of one replica; ``known`` again while nothing has moved that it was computed from."""
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
    rate, bound = _edge(timing, limits, lengths, slo)
    seconds = _seconds_in_hand(timing, lengths, slo, rate) if rate > 0 else 0.0
    return Capacity(rate, rate * seconds, bound, slo, inputs)


def _is_near(first: Inputs, second: Inputs) -> bool:
    return all(abs(a - b) <= DEADBAND * b for a, b in zip(first, second, strict=True))


def _edge(timing: EngineTiming, limits: EngineLimits, lengths: TokenLengths, slo: SloBounds) -> tuple[float, BindingLimit]:
    """The highest rate at which half of the requests meet every bound, and the bound that sets it."""
    rate, bound = timing.tpot_capacity(slo.tpot_seconds, lengths), BindingLimit.TPOT
    memory = timing.memory_capacity(lengths, limits)
    if memory < rate:
        rate, bound = memory, BindingLimit.MEMORY

    def first(at: float) -> float:
        return timing.ttft_seconds(at, lengths, limits, percentile=_MEDIAN)

    def whole(at: float) -> float:
        return timing.e2e_seconds(at, lengths, limits, percentile=_MEDIAN)

    for name, latency, limit in ((BindingLimit.TTFT, first, slo.ttft_seconds), (BindingLimit.E2E, whole, slo.e2e_seconds)):
        if limit is None or rate <= 0 or latency(rate) <= limit:
            continue
        low, high = 0.0, rate
        if latency(low) > limit:
            return 0.0, name
        for _ in range(_BISECTION_STEPS):
            middle = (low + high) / 2.0
            low, high = (middle, high) if latency(middle) <= limit else (low, middle)
        rate, bound = low, name
    return (rate if rate < inf else 0.0), bound


def _seconds_in_hand(timing: EngineTiming, lengths: TokenLengths, slo: SloBounds, rate: float) -> float:
    """How long a request is in hand at the edge: the time over which the engine averages its arrivals."""
    step = min(timing.itl_seconds(rate, lengths), slo.tpot_seconds or inf)
    decode = lengths.output_tokens * step if step < inf else 0.0
    wait = slo.ttft_seconds or slo.e2e_seconds or 0.0
    return max(decode + wait, timing.alpha_seconds) if slo.e2e_seconds is None else max(slo.e2e_seconds, timing.alpha_seconds)
