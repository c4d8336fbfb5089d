"""How much work a request is, as of the last minute and on its way: prompts grow, caches are lost. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

from modelmatrix.performance.engine_timing import TokenLengths
from modelmatrix.scaling.estimate.trend import slope
from modelmatrix.scaling.observation.observation import Traffic, Variant

MINUTE_SECONDS = 60.0
# Fewer requests in a minute say nothing about their mean.
FEWEST_REQUESTS = 20.0
# Two standard deviations of a mean of exponential lengths over Poisson arrivals, for a single request.
NOISE = 2.0 * sqrt(2.0)
# A longer queue, in parts of what runs, is a backlog.
QUEUE = 0.1
# Minutes through which the line of the work is drawn.
MINUTES = 10
LARGEST_GROWTH = 2.0


def lengths_of(traffic: Traffic, variants: Iterable[Variant]) -> TokenLengths:
    """Mean lengths of the requests that arrive now.

    Lengths are known of requests that finished in the last ten minutes. Prompt tokens that engines computed in the last
    minute tell earlier that prompts have become longer or are no longer found in the cache.
    """
    known, hit = traffic.input_tokens, traffic.hit_ratio
    computed, usual = _computed_tokens(traffic, variants), known * (1.0 - hit)
    if computed > usual * (1.0 + NOISE / sqrt(max(FEWEST_REQUESTS, traffic.arrivals_per_second * MINUTE_SECONDS))):
        known = max(known, computed)
        hit = 1.0 - computed / known
    return TokenLengths(input_tokens=known, output_tokens=traffic.output_tokens, hit_ratio=hit)


def _computed_tokens(traffic: Traffic, variants: Iterable[Variant]) -> float:
    """Prompt tokens that were computed for a request of the last minute; 0.0 where that is not known.

    Where requests wait, those that are computed are not those that arrive; replicas that are young are not measured well.
    """
    if traffic.arrivals_per_second * MINUTE_SECONDS < FEWEST_REQUESTS or traffic.waiting > QUEUE * traffic.running:
        return 0.0
    per_second = 0.0
    for variant in variants:
        if variant.ready and (variant.engine is None or not variant.engine.is_finite or variant.is_changing):
            return 0.0
        per_second += variant.ready * variant.engine.prompt_tokens_per_second if variant.engine else 0.0
    return per_second / traffic.arrivals_per_second


@dataclass(frozen=True, slots=True)
class RequestWork:
    """The work of a request in seconds of a replica, minute by minute, and by what part of itself it grows in a second."""

    minutes: tuple[float, ...] = ()
    growth_per_second: float = 0.0

    def updated(self, seconds: float) -> RequestWork:
        """The work after one more minute; shrinking is not reckoned with."""
        minutes = (*self.minutes[1 - MINUTES :], seconds)
        return RequestWork(minutes, max(0.0, slope(minutes)) / (MINUTE_SECONDS * seconds))

    def growth(self, horizon_seconds: float) -> float:
        """By what factor a request will be more work at a horizon."""
        return min(1.0 + self.growth_per_second * horizon_seconds, LARGEST_GROWTH)
