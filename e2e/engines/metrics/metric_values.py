"""The values and histograms of an engine that a page can show, by their names in dialect files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelmatrix.simulation.engine.histogram import Histogram
    from modelmatrix.simulation.engine.replica import Replica

VALUES: dict[str, Callable[[Replica], float]] = {
    "one": lambda _: 1.0,
    "running": lambda replica: replica.running,
    "waiting": lambda replica: replica.waiting,
    "kv_usage_ratio": lambda replica: replica.kv_usage_ratio,
    "finished": lambda replica: replica.telemetry.finished,
    "received": lambda replica: replica.telemetry.finished + replica.in_flight,
    "preemptions": lambda replica: replica.telemetry.preemptions,
    "prompt_tokens": lambda replica: replica.telemetry.prompt_tokens,
    "cached_tokens": lambda replica: replica.telemetry.cached_tokens,
    "computed_tokens": lambda replica: replica.telemetry.prompt_tokens - replica.telemetry.cached_tokens,
    "generation_tokens": lambda replica: replica.telemetry.generation_tokens,
    "prefix_queries": lambda replica: replica.telemetry.prefix_queries,
    "prefix_hits": lambda replica: replica.telemetry.prefix_hits,
}
GAUGES = frozenset({"running", "waiting", "kv_usage_ratio"})

HISTOGRAMS: dict[str, Callable[[Replica], Histogram]] = {
    "ttft": lambda replica: replica.telemetry.ttft,
    "inter_token": lambda replica: replica.telemetry.inter_token,
    "time_per_output_token": lambda replica: replica.telemetry.time_per_output_token,
    "e2e": lambda replica: replica.telemetry.e2e,
    "queue": lambda replica: replica.telemetry.queue,
    "prefill": lambda replica: replica.telemetry.prefill,
    "decode": lambda replica: replica.telemetry.decode,
    "inference": lambda replica: replica.telemetry.inference,
    "prompt_lengths": lambda replica: replica.telemetry.prompt_lengths,
    "generation_lengths": lambda replica: replica.telemetry.generation_lengths,
    "iteration_tokens": lambda replica: replica.telemetry.iteration_tokens,
}
