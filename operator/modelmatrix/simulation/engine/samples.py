"""A scrape of one engine: a snapshot of its counters and histograms under engine-independent names.

Counters only grow while an engine runs, and a new engine starts at zero. Rates are computed by the reader, not here.
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
    """A histogram as on a metrics page: observations at or below each bound, ``+Inf`` last, and their sum ``total``."""

    bounds: tuple[float, ...]
    cumulative: tuple[float, ...]
    total: float

    @classmethod
    def of(cls, histogram: Histogram) -> HistogramSample:
        """A copy of the present state of a histogram."""
        return cls(histogram.bounds, histogram.cumulative(), histogram.total)

    def since(self, earlier: HistogramSample) -> HistogramSample:
        """The observations after an earlier sample of the same histogram."""
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
    """One engine's metrics page at ``second``.

    ``request_prompt_tokens`` and ``request_generation_tokens`` are the sums of the histograms of lengths, which an engine
    observes when a request finishes: divided by ``finished`` they are mean lengths, unlike the running totals of tokens.
    """

    second: float
    running: float
    waiting: float
    kv_usage_ratio: float
    prompt_tokens: float
    generation_tokens: float
    prefix_queries: float
    prefix_hits: float
    cached_tokens: float
    finished: float
    preemptions: float
    request_prompt_tokens: float
    request_generation_tokens: float
    ttft: HistogramSample
    inter_token: HistogramSample
    time_per_output_token: HistogramSample
    e2e: HistogramSample

    def since(self, earlier: EngineSample) -> EngineSample:
        """The page of an engine that would have started when ``earlier`` was taken; gauges are the present ones."""
        return EngineSample(
            second=self.second,
            running=self.running,
            waiting=self.waiting,
            kv_usage_ratio=self.kv_usage_ratio,
            prompt_tokens=self.prompt_tokens - earlier.prompt_tokens,
            generation_tokens=self.generation_tokens - earlier.generation_tokens,
            prefix_queries=self.prefix_queries - earlier.prefix_queries,
            prefix_hits=self.prefix_hits - earlier.prefix_hits,
            cached_tokens=self.cached_tokens - earlier.cached_tokens,
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
        """The sum of two pages at this page's second, gauges included: callers divide ``kv_usage_ratio`` by their number."""
        return EngineSample(
            second=self.second,
            running=self.running + other.running,
            waiting=self.waiting + other.waiting,
            kv_usage_ratio=self.kv_usage_ratio + other.kv_usage_ratio,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            generation_tokens=self.generation_tokens + other.generation_tokens,
            prefix_queries=self.prefix_queries + other.prefix_queries,
            prefix_hits=self.prefix_hits + other.prefix_hits,
            cached_tokens=self.cached_tokens + other.cached_tokens,
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
        """The page of a replica, which the caller has advanced to ``second``."""
        telemetry = replica.telemetry
        return cls(
            second=second,
            running=replica.running,
            waiting=replica.waiting,
            kv_usage_ratio=replica.kv_usage_ratio,
            prompt_tokens=telemetry.prompt_tokens,
            generation_tokens=telemetry.generation_tokens,
            prefix_queries=telemetry.prefix_queries,
            prefix_hits=telemetry.prefix_hits,
            cached_tokens=telemetry.cached_tokens,
            finished=telemetry.finished,
            preemptions=telemetry.preemptions,
            request_prompt_tokens=telemetry.prompt_lengths.total,
            request_generation_tokens=telemetry.generation_lengths.total,
            ttft=HistogramSample.of(telemetry.ttft),
            inter_token=HistogramSample.of(telemetry.inter_token),
            time_per_output_token=HistogramSample.of(telemetry.time_per_output_token),
            e2e=HistogramSample.of(telemetry.e2e),
        )
