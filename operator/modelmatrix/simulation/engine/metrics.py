"""The counters and histograms of one engine since its start, observed at the same moments as in vLLM.

TTFT is observed at the first token, inter-token latency once per request and engine step, everything else when a
request finishes. The names and labels of a metrics page belong to its renderer, not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelmatrix.simulation.engine.histogram import Histogram

if TYPE_CHECKING:
    from modelmatrix.catalogue.metrics import Histograms
    from modelmatrix.simulation.engine.request import Completed


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """Upper bounds of an engine's histograms by family; the defaults are vLLM's (0.32)."""

    time_to_first_token: tuple[float, ...] = (
        *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75),
        *(1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0),
    )
    inter_token_latency: tuple[float, ...] = (
        *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75),
        *(1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0),
    )
    request_latency: tuple[float, ...] = (
        *(0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0),
        *(50.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0),
    )
    request_tokens: tuple[float, ...] = (
        *(1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0),
        *(1000.0, 2000.0, 5000.0, 10000.0, 20000.0, 50000.0, 100000.0),
    )
    iteration_tokens: tuple[float, ...] = (
        *(1.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0),
        *(512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0),
    )

    @classmethod
    def of(cls, histograms: Histograms) -> Buckets:
        """The bounds of the catalogue's histograms, which rendered engines are configured with."""
        return cls(
            time_to_first_token=histograms.time_to_first_token,
            inter_token_latency=histograms.inter_token_latency,
            request_latency=histograms.request_latency,
        )


class EngineTelemetry:
    """Counters and histograms of one engine process; a new process starts a new one."""

    __slots__ = (
        "cached_tokens",
        "decode",
        "e2e",
        "finished",
        "generation_lengths",
        "generation_tokens",
        "inference",
        "inter_token",
        "iteration_tokens",
        "preemptions",
        "prefill",
        "prefix_hits",
        "prefix_queries",
        "prompt_lengths",
        "prompt_tokens",
        "queue",
        "rejected",
        "time_per_output_token",
        "ttft",
    )

    def __init__(self, buckets: Buckets) -> None:
        self.prompt_tokens = self.cached_tokens = self.generation_tokens = 0
        self.prefix_queries = self.prefix_hits = 0
        self.preemptions = self.finished = self.rejected = 0
        self.ttft = Histogram(buckets.time_to_first_token)
        self.inter_token = Histogram(buckets.inter_token_latency)
        self.time_per_output_token = Histogram(buckets.inter_token_latency)
        self.e2e = Histogram(buckets.request_latency)
        self.queue = Histogram(buckets.request_latency)
        self.prefill = Histogram(buckets.request_latency)
        self.decode = Histogram(buckets.request_latency)
        self.inference = Histogram(buckets.request_latency)
        self.prompt_lengths = Histogram(buckets.request_tokens)
        self.generation_lengths = Histogram(buckets.request_tokens)
        self.iteration_tokens = Histogram(buckets.iteration_tokens)

    def observe_finish(self, completed: Completed) -> None:
        """Observe a finished request, with times from when the engine received it, without the wait at the gateway."""
        request, received, admitted, first, finished, _ = completed
        self.finished += 1
        self.e2e.observe(finished - received)
        self.queue.observe(admitted - received)
        self.prefill.observe(first - admitted)
        self.decode.observe(finished - first)
        self.inference.observe(finished - admitted)
        self.prompt_lengths.observe(request.input_tokens)
        self.generation_lengths.observe(request.output_tokens)
        if request.output_tokens > 1:
            self.time_per_output_token.observe((finished - first) / (request.output_tokens - 1))
