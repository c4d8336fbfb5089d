"""Backfilled replicas by engine: the series of their metrics pages under a constant load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from signals.backfill import FIRST_SECONDS, LAST_SECONDS, BackfilledSeries, Value, growing

INPUT_TOKENS, OUTPUT_TOKENS, CACHED_TOKENS = 1000.0, 200.0, 250.0
STEP_SECONDS, TTFT_SECONDS = 0.02, 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A backfilled pod, scraped from ``first`` to ``last`` in seconds relative to now."""

    past: BackfilledSeries
    namespace: str
    deployment: str
    name: str
    pool: str = "ascend-a"
    job: str = "engines"
    first: float = FIRST_SECONDS
    last: float = LAST_SECONDS

    @property
    def target(self) -> dict[str, str]:
        """The labels of its scrape target."""
        return {
            "namespace": self.namespace,
            "pod": self.name,
            "job": self.job,
            "instance": f"{self.name}:8000",
            "modelmatrix_io_deployment": self.deployment,
            "modelmatrix_io_pool": self.pool,
        }

    def show(self, name: str, value: Value | float, **labels: str) -> None:
        """Add a series of its metrics page."""
        self.past.add(name, {**self.target, **labels}, value, first=self.first, last=self.last)

    def scraped(self, *, up: float = 1.0, samples: float = 100.0) -> None:
        """Add the series that Prometheus itself writes at every scrape."""
        self.show("up", up)
        self.show("scrape_samples_scraped", samples)

    def histogram(self, name: str, per_second: float, shares: Mapping[str, float], mean: float, **labels: str) -> None:
        """Add a histogram with ``per_second`` observations, the given share of them within each bound, and their mean."""
        for bound, share in {**shares, "+Inf": 1.0}.items():
            self.show(f"{name}_bucket", growing(per_second * share, start=0.0), le=bound, **labels)
        self.show(f"{name}_count", growing(per_second, start=0.0), **labels)
        self.show(f"{name}_sum", growing(per_second * mean, start=0.0), **labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The load of a replica: requests per second, running and waiting ones, and the share within the SLO."""

    per_second: float = 0.0
    running: float = 0.0
    waiting: float = 0.0
    kv_usage: float = 0.0
    within: float = 1.0


def vllm(pod: Pod, load: Load, *, skip: tuple[str, ...] = (), engine: str = "0", **values: Value | float) -> None:
    """A page of vLLM; ``skip`` omits series, ``values`` replace gauges and counters by their short names."""
    pod.scraped()
    own = {"engine": engine, "model_name": "m"}
    rate = load.per_second
    plain: dict[str, Value | float] = {
        "num_requests_running": load.running,
        "num_requests_waiting": load.waiting,
        "kv_cache_usage_perc": load.kv_usage,
        "request_success_total": growing(rate),
        "prompt_tokens_total": growing(rate * INPUT_TOKENS),
        "generation_tokens_total": growing(rate * OUTPUT_TOKENS),
        "prompt_tokens_cached_total": growing(rate * CACHED_TOKENS),
    }
    for name, value in (plain | values).items():
        if name not in skip:
            pod.show(f"vllm:{name}", value, **own)
    shares = {"0.5": load.within, "1.0": load.within, "2.5": 1.0}
    histograms = {
        "time_to_first_token_seconds": (rate, shares, TTFT_SECONDS),
        "request_time_per_output_token_seconds": (rate, {"0.05": load.within, "0.1": 1.0}, STEP_SECONDS),
        "inter_token_latency_seconds": (rate * OUTPUT_TOKENS, {"0.05": 1.0}, STEP_SECONDS),
        "e2e_request_latency_seconds": (rate, {"5.0": load.within, "10.0": 1.0}, 4.0),
        "request_prompt_tokens": (rate, {"1000.0": 1.0}, INPUT_TOKENS),
        "request_generation_tokens": (rate, {"200.0": 1.0}, OUTPUT_TOKENS),
    }
    for name, (observed, parts, mean) in histograms.items():
        if name not in skip:
            pod.histogram(f"vllm:{name}", observed, parts, mean, **own)


def sglang(pod: Pod, load: Load, *, ranks: int = 1, is_used: bool = True, counter: str = "num_requests_total") -> None:
    """A page of SGLang: gauges of every tensor-parallel rank, and counters after the first request."""
    pod.scraped()
    for rank in range(ranks):
        own = {"model_name": "m", "tp_rank": str(rank), "pp_rank": "0", "moe_ep_rank": "0"}
        pod.show("sglang:num_running_reqs", load.running, **own)
        pod.show("sglang:num_queue_reqs", load.waiting, **own)
        pod.show("sglang:token_usage", load.kv_usage, **own)
    if is_used:
        rate, own = load.per_second, {"model_name": "m", "is_streaming": "true"}
        pod.show(f"sglang:{counter}", growing(rate), **own)
        pod.show("sglang:prompt_tokens_total", growing(rate * INPUT_TOKENS), **own)
        pod.show("sglang:generation_tokens_total", growing(rate * OUTPUT_TOKENS), **own)
        pod.histogram("sglang:time_to_first_token_seconds", rate, {"1.0": load.within}, TTFT_SECONDS, **own)
        pod.histogram("sglang:e2e_request_latency_seconds", rate, {"5.0": load.within}, 4.0, **own)
        pod.histogram("sglang:inter_token_latency_seconds", rate * OUTPUT_TOKENS, {"0.05": load.within}, STEP_SECONDS)


def mindie(pod: Pod, load: Load) -> None:
    """A page of MindIE."""
    pod.scraped()
    rate = load.per_second
    gauges = {"num_requests_running": load.running, "num_requests_waiting": load.waiting, "npu_cache_usage_perc": load.kv_usage}
    for name, value in (gauges | {"npu_prefix_cache_hit_rate": 0.5}).items():
        pod.show(name, value, model_name="m")
    counters = {
        "request_received_total": rate,
        "request_success_total": rate,
        "prompt_tokens_total": rate * INPUT_TOKENS,
        "generation_tokens_total": rate * OUTPUT_TOKENS,
    }
    for name, per_second in counters.items():
        pod.show(name, growing(per_second), model_name="m")
    pod.histogram("time_to_first_token_seconds", rate, {"1": load.within}, TTFT_SECONDS, model_name="m")
    pod.histogram("time_per_output_token_seconds", rate, {"0.05": load.within}, STEP_SECONDS, model_name="m")
    pod.histogram("e2e_request_latency_seconds", rate, {"5": load.within}, 4.0, model_name="m")
    pod.histogram("request_prompt_tokens", rate, {"1000": 1.0}, INPUT_TOKENS, model_name="m")
    pod.histogram("request_generation_tokens", rate, {"500": 1.0}, OUTPUT_TOKENS, model_name="m")


def tei(pod: Pod, load: Load, *, counter: str = "te_request_count") -> None:
    """A page of Text Embeddings Inference after its first request."""
    pod.scraped()
    pod.show("te_queue_size", load.waiting)
    pod.show(counter, growing(load.per_second), method="single")
    pod.show("te_request_success", growing(load.per_second), method="single")
    pod.histogram("te_request_duration", load.per_second, {"0.1683411219602824": load.within}, 0.1)
    pod.histogram("te_request_input_length", load.per_second, {"512": 1.0}, 400.0)


def llama_cpp(pod: Pod, load: Load) -> None:
    """A page of llama.cpp's server."""
    pod.scraped()
    pod.show("llamacpp:requests_processing", load.running)
    pod.show("llamacpp:requests_deferred", load.waiting)
    pod.show("llamacpp:prompt_tokens_total", growing(load.per_second * INPUT_TOKENS))
    pod.show("llamacpp:tokens_predicted_total", growing(load.per_second * OUTPUT_TOKENS))
