"""A closed-loop benchmark of one engine: a constant number of requests, each followed by another when it finishes.

With one wave this is a single batch that starts together. Pure; it only drives a ``Replica``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelmatrix.performance.engine_timing import EngineLimits
from modelmatrix.simulation.engine.replica import Replica
from modelmatrix.simulation.engine.request import Request

if TYPE_CHECKING:
    from accuracy.fitting import Measurement
    from modelmatrix.performance.engine_timing import EngineTiming
    from modelmatrix.simulation.engine.request import Completed

_UNLIMITED_KV_TOKENS = 10**9
_CHUNK_TOKENS = 8192


@dataclass(frozen=True, slots=True)
class MeanLatency:
    """The latencies that a benchmark reports, in seconds."""

    ttft_seconds: float
    tpot_seconds: float


def run_benchmark(
    timing: EngineTiming, point: Measurement, *, waves: int = 1, kv_tokens: int = _UNLIMITED_KV_TOKENS
) -> MeanLatency:
    """Mean latencies of ``waves`` times the batch of a measurement, with the batch's number of requests at once."""
    batch = max(1, round(point.batch))
    limits = EngineLimits(max_num_seqs=batch, kv_tokens=kv_tokens, max_num_batched_tokens=max(_CHUNK_TOKENS, batch))
    replica = Replica(timing, limits)
    shape = max(1, round(point.input_tokens)), round(point.output_tokens)
    for _ in range(batch):
        replica.submit(Request(0.0, *shape))
    done: list[Completed] = []
    left = batch * (waves - 1)
    while replica.in_flight:
        finished = replica.advance_to_completion()
        done += finished
        now = finished[-1].finished_seconds
        for _ in finished[:left]:
            replica.submit(Request(now, *shape))
        left = max(0, left - len(finished))
    return MeanLatency(sum(one.ttft_seconds for one in done) / len(done), sum(one.tpot_seconds for one in done) / len(done))
