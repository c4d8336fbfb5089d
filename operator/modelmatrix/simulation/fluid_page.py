"""What the replicas of a fluid would show when scraped: integrals over time of what each of them has done.

All replicas of a variant do the same, so one account serves them; each shows what was added since it became ready.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from modelmatrix.simulation.histogram import Histogram
from modelmatrix.simulation.samples import EngineSample, HistogramSample
from modelmatrix.simulation.telemetry import Buckets

if TYPE_CHECKING:
    from modelmatrix.performance.timing import Lengths
    from modelmatrix.simulation.flow import Flow, Latencies

_CERTAIN = 1.0 - 1e-6


class FluidPage:
    """Counters and histograms of one replica of a variant since the beginning of time."""

    __slots__ = ("_e2e", "_generation_tokens", "_inter_token", "_lengths", "_per_request", "_requests", "_ttft")

    def __init__(self, lengths: Lengths) -> None:
        buckets = Buckets()
        self._lengths = lengths
        self._requests = self._generation_tokens = 0.0
        self._ttft = Histogram(buckets.time_to_first_token)
        self._inter_token = Histogram(buckets.inter_token_latency)
        self._per_request = Histogram(buckets.inter_token_latency)
        self._e2e = Histogram(buckets.request_latency)

    def add(self, requests: float, latencies: Latencies) -> None:
        """Account for requests that a replica admitted."""
        output = self._lengths.output_tokens
        self._requests += requests
        self._add_ttft(requests, latencies)
        if output > 1:
            self._per_request.observe(latencies.tpot_seconds, requests)
        ttft = latencies.base_seconds + latencies.wait.mean_seconds
        self._e2e.observe(ttft + max(0.0, output - 1.0) * latencies.tpot_seconds, requests)

    def decode(self, tokens: float, step_seconds: float) -> None:
        """Account for output tokens that a replica made."""
        self._generation_tokens += tokens
        self._inter_token.observe(step_seconds, tokens)

    def _add_ttft(self, requests: float, latencies: Latencies) -> None:
        bounds, counts = self._ttft.bounds, self._ttft.counts
        self._ttft.total += requests * (latencies.base_seconds + latencies.wait.mean_seconds)
        counted = 0.0
        for bucket in range(bisect_left(bounds, latencies.base_seconds), len(bounds)):
            share = latencies.share_within_ttft(bounds[bucket])
            counts[bucket] += requests * (share - counted)
            counted = share
            if share > _CERTAIN:
                return
        counts[-1] += requests * (1.0 - counted)

    def sample(self, second: float, flow: Flow, waiting: float) -> EngineSample:
        """The account as a scraped page."""
        prompt = self._requests * self._lengths.input_tokens
        finished = max(0.0, self._requests - flow.running)
        return EngineSample(
            second=second,
            running=flow.running,
            waiting=waiting,
            kv_usage_ratio=flow.kv_usage_ratio,
            prompt_tokens=prompt,
            generation_tokens=self._generation_tokens,
            prefix_queries=prompt,
            prefix_hits=prompt * self._lengths.hit_ratio,
            finished=finished,
            preemptions=0.0,
            request_prompt_tokens=finished * self._lengths.input_tokens,
            request_generation_tokens=finished * self._lengths.output_tokens,
            ttft=HistogramSample.of(self._ttft),
            inter_token=HistogramSample.of(self._inter_token),
            time_per_output_token=HistogramSample.of(self._per_request),
            e2e=HistogramSample.of(self._e2e),
        )
