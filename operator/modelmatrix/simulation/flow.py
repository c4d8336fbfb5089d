"""One variant's replicas as a fluid: how many requests each of them runs, how fast, and how long requests wait.

Everything is a mean over equal replicas, moved on second by second; the equations are those of ``performance.timing`` made
dynamic: running requests leave after ``output tokens x step time``, a step gets longer with KV tokens and admitted prompts.
Pure; it must not know about replicas starting or stopping, or about SLOs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import erf, exp, inf, isinf, sqrt
from typing import TYPE_CHECKING

from modelmatrix.performance.queueing import Wait, single_server_wait

if TYPE_CHECKING:
    from modelmatrix.performance.timing import EngineLimits, EngineTiming, Lengths, SloBounds

# Above this load the waiting time of the queue formula explodes; the fluid's own queue takes over before.
_HIGHEST_LOAD = 0.98


@dataclass(frozen=True, slots=True)
class Latencies:
    """What the requests admitted in a second see: TTFT is ``base`` plus a wait, TPOT is normal around its mean."""

    base_seconds: float
    wait: Wait
    tpot_seconds: float
    tpot_deviation_seconds: float

    def delayed(self, queued_seconds: float) -> Latencies:
        """The same for requests that had waited before they were admitted."""
        return replace(self, base_seconds=self.base_seconds + queued_seconds) if queued_seconds else self

    def share_within(self, slo: SloBounds, output_tokens: float) -> float:
        """Share of requests that meet every bound, as if meeting one said nothing about the other."""
        first = inf if slo.ttft_seconds is None else slo.ttft_seconds
        if slo.e2e_seconds is not None:
            first = min(first, slo.e2e_seconds - max(0.0, output_tokens - 1.0) * self.tpot_seconds)
        share = 1.0 if isinf(first) else self.share_within_ttft(first)
        if slo.tpot_seconds is not None and output_tokens > 1:
            share *= self.share_within_tpot(slo.tpot_seconds)
        return share

    def share_within_ttft(self, ttft_seconds: float) -> float:
        """Share of requests whose first token comes within a time."""
        slack = ttft_seconds - self.base_seconds
        if slack < 0:
            return 0.0
        if self.wait.mean_seconds <= 0:
            return 1.0
        return 1.0 - self.wait.busy * exp(-slack * self.wait.busy / self.wait.mean_seconds)

    def share_within_tpot(self, tpot_seconds: float) -> float:
        """Share of requests whose following tokens come within a time each, on average."""
        slack = tpot_seconds - self.tpot_seconds
        if self.tpot_deviation_seconds <= 0:
            return float(slack >= 0)
        return 0.5 * (1.0 + erf(slack / (self.tpot_deviation_seconds * sqrt(2.0))))


class Flow:
    """State of one replica of a variant, the same for all of them."""

    __slots__ = ("_lengths", "_limits", "_prompt_seconds", "_slots", "_timing", "running", "step_seconds")

    def __init__(self, timing: EngineTiming, limits: EngineLimits, lengths: Lengths) -> None:
        self._timing, self._limits, self._lengths = timing, limits, lengths
        self._prompt_seconds = timing.beta_seconds_per_token * lengths.computed_tokens
        self._slots = limits.concurrency(lengths)
        self.running = 0.0
        self.step_seconds = timing.alpha_seconds

    def highest_rate(self) -> float:
        """Requests per second that a replica can admit now, by prefill throughput and by free slots."""
        decode = self._decode_step_seconds()
        prompts_per_step = max(0.0, self._limits.max_num_batched_tokens - self.running) / self._lengths.computed_tokens
        by_compute = prompts_per_step / (decode + self._prompt_seconds * prompts_per_step)
        return min(by_compute, max(0.0, self._slots - self.running + self._leaving(1.0)))

    def admit(self, rate_per_second: float) -> Latencies:
        """Let a second pass in which each replica admits requests at a rate; what those requests will see."""
        decode = self._decode_step_seconds()
        self.step_seconds = decode / max(1.0 - _HIGHEST_LOAD, 1.0 - self._prompt_seconds * rate_per_second)
        life = self._lengths.output_tokens * self.step_seconds
        settled = rate_per_second * life
        # Exact for a constant rate over the second, and stable where a request lives shorter than that.
        decay = exp(-1.0 / life) if life > 0 else 0.0
        self.running = settled + (self.running - settled) * decay
        return self._latencies(rate_per_second, decode)

    def resize(self, factor: float) -> None:
        """Spread the running requests over another number of replicas."""
        self.running = min(self.running * factor, self._slots)

    @property
    def kv_usage_ratio(self) -> float:
        """Share of a replica's KV cache that is in use."""
        return min(1.0, self.running * self._lengths.mean_context_tokens / self._limits.kv_tokens)

    def _decode_step_seconds(self) -> float:
        kv_tokens = self.running * self._lengths.mean_context_tokens
        return self._timing.alpha_seconds + self._timing.gamma_seconds_per_kv_token * kv_tokens

    def _leaving(self, seconds: float) -> float:
        life = self._lengths.output_tokens * self.step_seconds
        return self.running * (1.0 - exp(-seconds / life)) if life > 0 else self.running

    def _latencies(self, rate: float, decode: float) -> Latencies:
        steps = self._lengths.computed_tokens / self._limits.max_num_batched_tokens
        share = steps * decode + self._prompt_seconds
        wait = single_server_wait(min(rate, _HIGHEST_LOAD / share), share, self._lengths.variability)
        base = self.step_seconds + max(1.0, steps) * decode + self._prompt_seconds
        deviation = self._timing.itl_deviation_seconds(rate, self._lengths, self.step_seconds)
        return Latencies(base, wait, self.step_seconds, deviation)
