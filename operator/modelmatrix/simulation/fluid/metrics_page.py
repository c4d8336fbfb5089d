"""The metrics pages of fluid replicas: integrals over time of the work of each replica.

All replicas of a variant do the same work, so one set of counters serves them all; the page of a replica is the difference
to the counters at the moment at which it became ready.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from modelmatrix.simulation.engine.samples import EngineSample, HistogramSample
from modelmatrix.simulation.fluid.state import (
    ADMITTED,
    CONTEXT_TOKENS,
    DRAINING,
    E2E_SUM,
    FINISHED,
    GENERATED,
    INTER_TOKEN_SUM,
    PER_REQUEST_SUM,
    READY,
    RUNNING,
    TTFT_SUM,
)

if TYPE_CHECKING:
    from modelmatrix.performance.engine_timing import TokenLengths
    from modelmatrix.simulation.engine.metrics import Buckets
    from modelmatrix.simulation.fluid.state import ExportedCounters, FluidEngine, FluidVariantState, Numbers


def replica_page(
    second: float, state: FluidVariantState, engine: FluidEngine, lengths: TokenLengths, buckets: Buckets, waiting: float
) -> EngineSample:
    """The page of a replica that has run since second 0, with ``waiting`` requests in its queue."""
    replicas = max(1.0, state.now[READY] + state.now[DRAINING])
    return _page(second, state, engine, lengths, buckets, (state.replica_counters, replicas, waiting))


def fleet_page(
    second: float, state: FluidVariantState, engine: FluidEngine, lengths: TokenLengths, buckets: Buckets, waiting: float
) -> EngineSample:
    """The sum of the pages of all present and former replicas; the KV usage is the mean of the present ones."""
    return _page(second, state, engine, lengths, buckets, (state.fleet_counters, 1.0, waiting))


def _page(
    second: float,
    state: FluidVariantState,
    engine: FluidEngine,
    lengths: TokenLengths,
    buckets: Buckets,
    view: tuple[ExportedCounters, float, float],
) -> EngineSample:
    exported, number, waiting = view
    now, counters = state.now, exported.values
    replicas = max(1.0, now[READY] + now[DRAINING])
    prompt = float(counters[ADMITTED]) * lengths.input_tokens
    finished = float(counters[FINISHED])
    return EngineSample(
        second=second,
        running=float(now[RUNNING]) / number,
        waiting=waiting,
        kv_usage_ratio=min(1.0, float(now[CONTEXT_TOKENS]) / replicas / engine.kv_tokens),
        prompt_tokens=prompt,
        generation_tokens=float(counters[GENERATED]),
        prefix_queries=prompt,
        prefix_hits=prompt * lengths.hit_ratio,
        cached_tokens=prompt * lengths.hit_ratio,
        finished=finished,
        preemptions=0.0,
        request_prompt_tokens=finished * lengths.input_tokens,
        request_generation_tokens=finished * lengths.output_tokens,
        ttft=_histogram(buckets.time_to_first_token, exported.ttft, counters[TTFT_SUM]),
        inter_token=_histogram(buckets.inter_token_latency, exported.inter_token, counters[INTER_TOKEN_SUM]),
        time_per_output_token=_histogram(buckets.inter_token_latency, exported.per_request, counters[PER_REQUEST_SUM]),
        e2e=_histogram(buckets.request_latency, exported.e2e, counters[E2E_SUM]),
    )


def _histogram(bounds: tuple[float, ...], counts: Numbers, total: float) -> HistogramSample:
    values = counts if isinstance(counts, list) else counts.tolist()
    return HistogramSample(bounds, tuple(accumulate(values)), float(total))
