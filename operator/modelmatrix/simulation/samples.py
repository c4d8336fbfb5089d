"""What a scrape of one engine gives: a snapshot of its counters and histograms, in the engine's own terms.

Counters only grow while the engine lives and start at zero with a new one. No rates here: who scrapes computes them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelmatrix.simulation.histogram import Histogram
    from modelmatrix.simulation.replica import Replica

_COUNTERS = (
    *("prompt_tokens", "generation_tokens", "prefix_queries", "prefix_hits", "finished", "preemptions"),
    *("request_prompt_tokens", "request_generation_tokens"),
)
_HISTOGRAMS = ("ttft", "inter_token", "time_per_output_token", "e2e")


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
        grown = (now - then for now, then in zip(self.cumulative, earlier.cumulative, strict=True))
        return HistogramSample(self.bounds, tuple(grown), self.total - earlier.total)

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
        counters = {name: getattr(self, name) - getattr(earlier, name) for name in _COUNTERS}
        histograms = {name: getattr(self, name).since(getattr(earlier, name)) for name in _HISTOGRAMS}
        return replace(self, **counters, **histograms)

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
