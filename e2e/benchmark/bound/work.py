"""A workload as cumulative work: what has arrived and what is due by the end of each bin of time.

Work is in replica-bins. The step time gives the minimal replica time of a request: engine steps take their fixed part plus
the work of all requests, and there must be enough steps for the SLO's time per token, for the KV memory and for the token
budget. Each of the three gives a lower limit that is additive over requests; the largest is used. A request that meets its
SLO finishes within ``TTFT + tokens * TPOT`` of its arrival.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming, SloBounds, TokenLengths
    from modelmatrix.simulation.engine.request import Request

BIN_SECONDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes:
    """Token lengths: arrays with one element per request, or with one element for all requests."""

    computed: np.ndarray
    context: np.ndarray
    output: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalIntervals:
    """Requests, or groups of them: the earliest and the latest arrival in seconds, and the number of requests."""

    first: np.ndarray
    last: np.ndarray
    number: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Cumulative replica-bins by the end of each bin; ``droppable`` is the work that may be missed."""

    arrived: np.ndarray
    due: np.ndarray
    droppable: float


def mean_shapes(lengths: TokenLengths) -> Shapes:
    """Requests that all have the mean lengths, as arrays with one element."""
    return Shapes(
        computed=np.array([lengths.computed_tokens]),
        context=np.array([lengths.mean_context_tokens]),
        output=np.array([lengths.output_tokens]),
    )


def request_arrivals(requests: Sequence[Request]) -> tuple[Shapes, ArrivalIntervals]:
    """Shapes and arrivals of single requests."""
    columns = np.array([(one.arrival_seconds, one.input_tokens, one.output_tokens, one.hit_ratio) for one in requests])
    at, prompt, output, hits = columns.T
    shapes = Shapes(computed=prompt * (1.0 - hits), context=prompt + output / 2.0, output=output)
    return shapes, ArrivalIntervals(first=at, last=at, number=np.ones(len(at)))


def second_arrivals(per_second: np.ndarray) -> ArrivalIntervals:
    """The arrivals of whole seconds, one group per second."""
    seconds = np.arange(len(per_second), dtype=float)
    return ArrivalIntervals(first=seconds, last=seconds + 1.0, number=per_second)


def min_replica_seconds(timing: EngineTiming, limits: EngineLimits, shapes: Shapes, slo: SloBounds) -> np.ndarray:
    """The minimal replica-seconds of each request; infinite if the SLO cannot be met."""
    alpha = timing.alpha_seconds
    decode = timing.gamma_seconds_per_kv_token * shapes.context * shapes.output
    work = timing.beta_seconds_per_token * shapes.computed + decode
    slots = np.minimum(limits.max_num_seqs, limits.kv_tokens / np.maximum(shapes.context, 1.0))
    by_memory = work + alpha * shapes.output / slots
    by_budget = work + alpha * shapes.computed / limits.max_num_batched_tokens
    return max(_by_tpot(work, alpha, shapes, slo), by_memory, by_budget, key=lambda form: float(form.sum()))


def _by_tpot(work: np.ndarray, alpha: float, shapes: Shapes, slo: SloBounds) -> np.ndarray:
    """The limit from time per token: steps with decoding requests must not exceed the SLO's time per token."""
    if slo.tpot_seconds is None or not shapes.output.any():
        return work
    share = 1.0 - alpha / slo.tpot_seconds
    return work / share if share > 0 else np.full_like(work, inf)


def latest_finish_seconds(shapes: Shapes, slo: SloBounds) -> np.ndarray:
    """Seconds after its arrival by which a request that meets the SLO has finished."""
    first = inf if slo.ttft_seconds is None else slo.ttft_seconds
    each = inf if slo.tpot_seconds is None else slo.tpot_seconds
    decode = np.where(shapes.output > 1, (shapes.output - 1.0) * each, 0.0)
    return np.minimum(first + decode, inf if slo.e2e_seconds is None else slo.e2e_seconds)


def cumulative_work(
    arriving: ArrivalIntervals, replica_seconds: np.ndarray, finish_seconds: np.ndarray, *, bins: int, attainment: float
) -> Work:
    """The work of requests that take ``replica_seconds`` and must finish ``finish_seconds`` after their arrival.

    The missed requests may be those with the most work.
    """
    work = np.broadcast_to(replica_seconds / BIN_SECONDS, arriving.number.shape) * arriving.number
    arrived = _cumulated(np.floor(arriving.first / BIN_SECONDS), work, bins)
    due = _cumulated(np.ceil((arriving.last + finish_seconds) / BIN_SECONDS) - 1.0, work, bins)
    missable = (1.0 - attainment) * float(arriving.number.sum())
    largest = np.sort(replica_seconds)[::-1] / BIN_SECONDS
    droppable = missable * largest[0] if len(largest) == 1 else largest[: int(np.ceil(missable))].sum()
    return Work(
        arrived=np.ceil(arrived - 1e-9).astype(np.int64), due=np.floor(due + 1e-9).astype(np.int64), droppable=float(droppable)
    )


def _cumulated(bin_indices: np.ndarray, work: np.ndarray, bins: int) -> np.ndarray:
    """Cumulative work by the end of each bin; work after the last bin is not due."""
    inside = bin_indices < bins
    return np.cumsum(np.bincount(bin_indices[inside].astype(np.int64), weights=work[inside], minlength=bins))
