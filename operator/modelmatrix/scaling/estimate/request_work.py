"""How much work a request is, and how that is changing: prompts grow, prefix caches are lost. Pure.

Mean lengths come from requests that finished in the last ten minutes, which is late when prompts become longer. The engines'
counter of computed prompt tokens shows it within a minute, so the larger of the two counts (``lengths_of``). The work of a
request in seconds of a replica is also followed minute by minute; the slope of a least-squares line through the last ten
minutes says by how much a request will be more work at the forecast horizon (``RequestWork``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

from modelmatrix.performance.engine_timing import TokenLengths
from modelmatrix.scaling.estimate.statistics import slope
from modelmatrix.scaling.observation.observation import Traffic, Variant

MINUTE_SECONDS = 60.0
# The mean of fewer requests in a minute is mostly noise.
MIN_REQUESTS = 20.0
# Two standard deviations of a mean of exponential lengths over Poisson arrivals, for a single request.
NOISE = 2.0 * sqrt(2.0)
# A longer queue, relative to the requests that run, is a backlog.
MAX_QUEUE = 0.1
# Minutes that the line of the work goes through.
MINUTES = 10
MAX_GROWTH = 2.0


def lengths_of(traffic: Traffic, variants: Iterable[Variant]) -> TokenLengths:
    """Mean lengths of the requests that arrive now.

    Prompt tokens computed in the last minute replace the mean of finished requests where they exceed it by more than noise.
    """
    input_tokens, hit_ratio = traffic.input_tokens, traffic.hit_ratio
    computed, expected = _computed_tokens(traffic, variants), input_tokens * (1.0 - hit_ratio)
    if computed > expected * (1.0 + NOISE / sqrt(max(MIN_REQUESTS, traffic.arrivals_per_second * MINUTE_SECONDS))):
        input_tokens = max(input_tokens, computed)
        hit_ratio = 1.0 - computed / input_tokens
    return TokenLengths(input_tokens=input_tokens, output_tokens=traffic.output_tokens, hit_ratio=hit_ratio)


def _computed_tokens(traffic: Traffic, variants: Iterable[Variant]) -> float:
    """Prompt tokens computed for each request of the last minute; 0.0 where that is unknown.

    While requests wait, the computed ones are not the arriving ones; the last minute of a young replica is incomplete.
    """
    if traffic.arrivals_per_second * MINUTE_SECONDS < MIN_REQUESTS or traffic.waiting > MAX_QUEUE * traffic.running:
        return 0.0
    per_second = 0.0
    for variant in variants:
        if variant.ready and (variant.engine is None or not variant.engine.is_finite or variant.is_changing):
            return 0.0
        per_second += variant.ready * variant.engine.prompt_tokens_per_second if variant.engine else 0.0
    return per_second / traffic.arrivals_per_second


@dataclass(frozen=True, slots=True)
class RequestWork:
    """The work of a request in seconds of a replica, minute by minute, and its relative growth per second."""

    minutes: tuple[float, ...] = ()
    growth_per_second: float = 0.0

    def updated(self, seconds: float) -> RequestWork:
        """The work after one more minute; work that falls counts as constant."""
        minutes = (*self.minutes[1 - MINUTES :], seconds)
        return RequestWork(minutes, max(0.0, slope(minutes)) / (MINUTE_SECONDS * seconds))

    def growth(self, horizon_seconds: float) -> float:
        """The factor by which a request is more work at a horizon, at most ``MAX_GROWTH``."""
        return min(1.0 + self.growth_per_second * horizon_seconds, MAX_GROWTH)
