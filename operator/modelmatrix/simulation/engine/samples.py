"""What a scrape of one engine gives: a snapshot of its counters and histograms, in the engine's own terms.

Counters only grow while the engine lives and start at zero with a new one. No rates here: who scrapes computes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import add, sub
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelmatrix.simulation.engine.histogram import Histogram
    from modelmatrix.simulation.engine.replica import Replica


@dataclass(frozen=True, slots=True)
class HistogramSample:
    """A histogram as a page shows it: observations at or under each bound, ``+Inf`` last, and their sum."""

    bounds: tuple[float, ...]
    cumulative: tuple[float, ...]
    total: float

    @classmethod
    def of(cls, histogram: Histogram) -> HistogramSample:
        """The present state of a histogram."""
        return cls(histogram.bounds, histogram.cumulative(), histogram.total)

    def since(self, earlier: HistogramSample) -> HistogramSample:
        """What was observed after an earlier sample of the same histogram."""
        return HistogramSample(self.bounds, tuple(map(sub, self.cumulative, earlier.cumulative)), self.total - earlier.total)

    def plus(self, other: HistogramSample) -> HistogramSample:
        """The observations of two histograms with the same bounds."""
        return HistogramSample(self.bounds, tuple(map(add, self.cumulative, other.cumulative)), self.total + other.total)

    @property
    def count(self) -> float:
        """Number of observations."""
        return self.cumulative[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSample:
    """One engine's page at ``second``.

    ``request_prompt_tokens`` and ``request_generation_tokens`` are the sums of the histograms of lengths, which an engine
    observes when a request finishes: over ``finished`` they are means, which the running totals of tokens are not.
    """

    second: float
    running: float
    waiting: float
    kv_usage_ratio: float
    prompt_tokens: float
    generation_tokens: float
    prefix_queries: float
    prefix_hits: float
    finished: float
    preemptions: float
    request_prompt_tokens: float
    request_generation_tokens: float
    ttft: HistogramSample
    inter_token: HistogramSample
    time_per_output_token: HistogramSample
    e2e: HistogramSample

    def since(self, earlier: EngineSample) -> EngineSample:
        """The page of an engine that started at zero when ``earlier`` was taken; gauges are those of now."""
        return EngineSample(
            second=self.second,
            running=self.running,
            waiting=self.waiting,
            kv_usage_ratio=self.kv_usage_ratio,
            prompt_tokens=self.prompt_tokens - earlier.prompt_tokens,
            generation_tokens=self.generation_tokens - earlier.generation_tokens,
            prefix_queries=self.prefix_queries - earlier.prefix_queries,
            prefix_hits=self.prefix_hits - earlier.prefix_hits,
            finished=self.finished - earlier.finished,
            preemptions=self.preemptions - earlier.preemptions,
            request_prompt_tokens=self.request_prompt_tokens - earlier.request_prompt_tokens,
            request_generation_tokens=self.request_generation_tokens - earlier.request_generation_tokens,
            ttft=self.ttft.since(earlier.ttft),
            inter_token=self.inter_token.since(earlier.inter_token),
            time_per_output_token=self.time_per_output_token.since(earlier.time_per_output_token),
            e2e=self.e2e.since(earlier.e2e),
        )

    def plus(self, other: EngineSample) -> EngineSample:
        """The page of two engines together, at this one's second; ``kv_usage_ratio`` is added too, for who divides it."""
        return EngineSample(
            second=self.second,
            running=self.running + other.running,
            waiting=self.waiting + other.waiting,
            kv_usage_ratio=self.kv_usage_ratio + other.kv_usage_ratio,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            generation_tokens=self.generation_tokens + other.generation_tokens,
            prefix_queries=self.prefix_queries + other.prefix_queries,
            prefix_hits=self.prefix_hits + other.prefix_hits,
            finished=self.finished + other.finished,
            preemptions=self.preemptions + other.preemptions,
            request_prompt_tokens=self.request_prompt_tokens + other.request_prompt_tokens,
            request_generation_tokens=self.request_generation_tokens + other.request_generation_tokens,
            ttft=self.ttft.plus(other.ttft),
            inter_token=self.inter_token.plus(other.inter_token),
            time_per_output_token=self.time_per_output_token.plus(other.time_per_output_token),
            e2e=self.e2e.plus(other.e2e),
        )

    @classmethod
    def of(cls, replica: Replica, second: float) -> EngineSample:
        """A sample of a replica that has been advanced to ``second``."""
        seen = replica.telemetry
        return cls(
            second=second,
            running=replica.running,
            waiting=replica.waiting,
            kv_usage_ratio=replica.kv_usage_ratio,
            prompt_tokens=seen.prompt_tokens,
            generation_tokens=seen.generation_tokens,
            prefix_queries=seen.prefix_queries,
            prefix_hits=seen.prefix_hits,
            finished=seen.finished,
            preemptions=seen.preemptions,
            request_prompt_tokens=seen.prompt_lengths.total,
            request_generation_tokens=seen.generation_lengths.total,
            ttft=HistogramSample.of(seen.ttft),
            inter_token=HistogramSample.of(seen.inter_token),
            time_per_output_token=HistogramSample.of(seen.time_per_output_token),
            e2e=HistogramSample.of(seen.e2e),
        )
