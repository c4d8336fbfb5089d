"""Closed-form performance of one engine replica with continuous batching.

One engine step takes ``alpha + beta * p + gamma * K`` seconds, with ``p`` the new prompt tokens computed in the step
and ``K`` the KV tokens of the running requests (``e2e.accuracy.validation`` checks that form against measured engines).
Everything else follows from that line and from means: arrival rate, token lengths, limits. With ``n`` output tokens and
mean context ``C`` a request adds ``w = beta * computed prompt + gamma * C * n`` seconds of work, so that at the rate ``r``

* the inter-token latency is ``alpha / (1 - r * w)``: steps grow until they hold the work that arrives during them;
* the mean number of running requests is ``r * n * itl`` (Little's law);
* the time to first token is the step in progress, two waits (``queueing``) and the prompt's own prefill.

Capacity is the highest rate at which every bound of the SLO holds. Pure arithmetic, without names of models or chips.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from modelmatrix.performance.queueing import many_server_wait, single_server_wait

if TYPE_CHECKING:
    from collections.abc import Callable

# A relative error of 1e-12 of the saturation rate; the grid is always the same, so that the result is monotone in the SLO.
_BISECTION_STEPS = 40


class BindingLimit(StrEnum):
    """What limits the capacity of a replica."""

    TPOT = "tpot"
    MEMORY = "memory"
    TTFT = "ttft"
    E2E = "e2e"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLengths:
    """Token lengths of a workload: means, and how much they and the arrivals vary.

    ``hit_ratio`` is the share of prompt tokens found in the prefix cache. ``index_of_dispersion`` is variance over mean
    of arrival counts (1 for Poisson arrivals); ``length_cv`` is standard deviation over mean of token lengths.
    """

    input_tokens: float
    output_tokens: float
    hit_ratio: float = 0.0
    index_of_dispersion: float = 1.0
    length_cv: float = 1.0

    @property
    def computed_tokens(self) -> float:
        """Prompt tokens that are computed: those that the prefix cache does not hold."""
        return self.input_tokens * (1.0 - self.hit_ratio)

    @property
    def variability(self) -> float:
        """Mean of the squared coefficients of variation of arrivals and of service."""
        return (self.index_of_dispersion + self.length_cv**2) / 2.0

    @property
    def mean_context_tokens(self) -> float:
        """KV tokens of a request, averaged over its decode phase."""
        return self.input_tokens + self.output_tokens / 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLimits:
    """Limits of one engine: requests that run at once, tokens that its KV cache holds, and prompt tokens of one step."""

    max_num_seqs: int
    kv_tokens: int
    max_num_batched_tokens: int = 8192

    def concurrency(self, lengths: TokenLengths) -> float:
        """Requests that can run at once; 0 when one request alone is larger than the KV cache."""
        if lengths.input_tokens + lengths.output_tokens > self.kv_tokens:
            return 0.0
        if lengths.mean_context_tokens <= 0:
            return float(self.max_num_seqs)
        return min(float(self.max_num_seqs), self.kv_tokens / lengths.mean_context_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class SloBounds:
    """Latency bounds of a service level in seconds (``None``: no such bound) that ``percentile`` % of requests meet."""

    ttft_seconds: float | None = None
    tpot_seconds: float | None = None
    e2e_seconds: float | None = None
    percentile: float = 95.0


@dataclass(frozen=True, slots=True)
class Capacity:
    """Requests per second that one replica serves within an SLO, and the bound that limits it.

    0.0 if not even a single request meets ``bound``; infinite if nothing limits the rate (requests without work).
    """

    requests_per_second: float
    bound: BindingLimit


@dataclass(frozen=True, slots=True)
class EngineTiming:
    """Step time of an engine: ``alpha + beta * prompt tokens + gamma * KV tokens`` seconds."""

    alpha_seconds: float
    beta_seconds_per_token: float
    gamma_seconds_per_kv_token: float

    def step_seconds(self, prompt_tokens: float, kv_tokens: float) -> float:
        """Seconds of one step that computes these prompt tokens and reads these KV tokens."""
        return self.alpha_seconds + self.beta_seconds_per_token * prompt_tokens + self.gamma_seconds_per_kv_token * kv_tokens

    def work_seconds(self, lengths: TokenLengths) -> float:
        """Seconds that one request adds to the steps that it is part of, without the fixed part of a step."""
        decode = self.gamma_seconds_per_kv_token * lengths.mean_context_tokens * lengths.output_tokens
        return self.beta_seconds_per_token * lengths.computed_tokens + decode

    def itl_seconds(self, rate_per_second: float, lengths: TokenLengths) -> float:
        """Mean inter-token latency in seconds at an arrival rate; infinite at and above saturation."""
        load = rate_per_second * self.work_seconds(lengths)
        return self.alpha_seconds / (1.0 - load) if load < 1.0 else math.inf

    def running(self, rate_per_second: float, lengths: TokenLengths) -> float:
        """Mean number of running requests at an arrival rate (Little's law over the decode phase)."""
        if rate_per_second == 0 or lengths.output_tokens == 0:
            return 0.0
        return rate_per_second * lengths.output_tokens * self.itl_seconds(rate_per_second, lengths)

    def ttft_seconds(
        self, rate_per_second: float, lengths: TokenLengths, limits: EngineLimits, *, percentile: float | None = None
    ) -> float:
        """Time to first token in seconds at an arrival rate, its mean or a percentile; infinite at and above saturation.

        The sum of the step in progress, the wait for earlier prompts, the wait for a slot or KV memory, and its own
        prefill. An earlier prompt costs its share of the prefill throughput at a full token budget.
        """
        itl = self.itl_seconds(rate_per_second, lengths)
        memory = self.memory_capacity(lengths, limits)
        if math.isinf(itl) or rate_per_second >= memory:
            return math.inf
        slots = limits.concurrency(lengths)
        kv_tokens = min(self.running(rate_per_second, lengths), slots) * lengths.mean_context_tokens
        decode = self.step_seconds(0.0, kv_tokens)
        steps = lengths.computed_tokens / limits.max_num_batched_tokens
        compute = self.beta_seconds_per_token * lengths.computed_tokens
        share = steps * decode + compute
        if rate_per_second * share >= 1.0:
            return math.inf
        wait = single_server_wait(rate_per_second, share, lengths.variability).at(percentile)
        if lengths.output_tokens > 0:
            wait += many_server_wait(rate_per_second, memory, slots, lengths.variability).at(percentile)
        # A request in the tail of TTFT tends to have a long prompt too.
        tail = 1.0 if percentile is None else 1.0 - (math.log1p(-percentile / 100.0) + 1.0) * lengths.length_cv
        return itl + wait + max(1.0, steps) * decode + tail * compute

    def e2e_seconds(
        self, rate_per_second: float, lengths: TokenLengths, limits: EngineLimits, *, percentile: float | None = None
    ) -> float:
        """Seconds from arrival to the last token, or to the embedding for requests without output."""
        first = self.ttft_seconds(rate_per_second, lengths, limits, percentile=percentile)
        if math.isinf(first):
            return math.inf
        return first + max(0.0, lengths.output_tokens - 1.0) * self.itl_seconds(rate_per_second, lengths)

    def tpot_capacity(self, tpot_seconds: float | None, lengths: TokenLengths) -> float:
        """Requests per second at which the mean inter-token latency reaches the bound; without a bound, saturation."""
        head_room = 1.0
        if tpot_seconds is not None and lengths.output_tokens > 0:
            head_room = 1.0 - self.alpha_seconds / tpot_seconds if tpot_seconds > self.alpha_seconds else 0.0
        work = self.work_seconds(lengths)
        if head_room == 0 or work > 0:
            return head_room / work if head_room > 0 else 0.0
        return math.inf

    def memory_capacity(self, lengths: TokenLengths, limits: EngineLimits) -> float:
        """Requests per second that keep the engine full; further ones only wait for KV memory or for a slot."""
        concurrency = limits.concurrency(lengths)
        if concurrency < 1.0:
            return 0.0
        seconds = lengths.output_tokens * self.alpha_seconds / concurrency + self.work_seconds(lengths)
        return 1.0 / seconds if seconds > 0 else math.inf

    def capacity(
        self, slo: SloBounds, lengths: TokenLengths, limits: EngineLimits, *, percentile: float | None = None
    ) -> Capacity:
        """The highest arrival rate of one replica at which every bound of the SLO holds. Never raises.

        TTFT and E2E are bounded at ``percentile``, without one at that of the SLO; TPOT is bounded in the mean.
        """
        percentile = slo.percentile if percentile is None else percentile
        grid = min(self.tpot_capacity(None, lengths), self.memory_capacity(lengths, limits))
        rate, bound = self.tpot_capacity(slo.tpot_seconds, lengths), BindingLimit.TPOT
        if (memory := self.memory_capacity(lengths, limits)) < rate:
            rate, bound = memory, BindingLimit.MEMORY
        for limit, latency, seconds in (
            (BindingLimit.TTFT, self.ttft_seconds, slo.ttft_seconds),
            (BindingLimit.E2E, self.e2e_seconds, slo.e2e_seconds),
        ):
            if seconds is not None and rate > 0:
                at = partial(latency, lengths=lengths, limits=limits, percentile=percentile)
                highest = _highest_rate(at, seconds, rate, grid)
                rate, bound = (highest, limit) if highest < rate else (rate, bound)
        return Capacity(rate, bound)


def _highest_rate(latency_at: Callable[[float], float], seconds: float, limit: float, grid: float) -> float:
    """The highest rate up to ``limit`` at which a latency that grows with the rate is within ``seconds``; 0.0 if none is.

    Halves the interval from 0 to ``grid``: the grid of rates then does not depend on the SLO.
    """
    if latency_at(0.0) > seconds:
        return 0.0
    if math.isinf(limit) or latency_at(limit) <= seconds:
        return limit
    low, high = 0.0, grid
    for _ in range(_BISECTION_STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if middle < limit and latency_at(middle) <= seconds else (low, middle)
    return low
