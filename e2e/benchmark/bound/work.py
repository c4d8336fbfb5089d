"""A workload as work: what of it has arrived, and what is due, by the end of each bin of time.

Work is counted in replica-bins. What a request takes of a replica at least follows from the step time: an engine's steps
last as long as their fixed parts and the work of all requests; there must be as many as the SLO's time per token asks for,
as the KV memory asks for, and as the token budget asks for. Each of the three gives a lower limit that adds up over
requests; the largest is taken. A request that meets its SLO is done by ``TTFT + tokens * TPOT`` after it arrived.
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
    """Token lengths of requests: one for each, or one for all of them."""

    computed: np.ndarray
    context: np.ndarray
    output: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Arriving:
    """Requests, or seconds full of them: when they arrive at the earliest and latest, how many they are."""

    first: np.ndarray
    last: np.ndarray
    number: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Replica-bins, cumulated by the end of each bin; ``droppable`` is as much as may be missed."""

    arrived: np.ndarray
    due: np.ndarray
    droppable: float


def alike(lengths: TokenLengths) -> Shapes:
    """Requests that all have the mean lengths."""
    return Shapes(
        computed=np.array([lengths.computed_tokens]),
        context=np.array([lengths.mean_context_tokens]),
        output=np.array([lengths.output_tokens]),
    )


def single(requests: Sequence[Request]) -> tuple[Shapes, Arriving]:
    """Requests one by one."""
    columns = np.array([(one.arrival_seconds, one.input_tokens, one.output_tokens, one.hit_ratio) for one in requests])
    at, prompt, output, hits = columns.T
    shapes = Shapes(computed=prompt * (1.0 - hits), context=prompt + output / 2.0, output=output)
    return shapes, Arriving(first=at, last=at, number=np.ones(len(at)))


def counted(per_second: np.ndarray) -> Arriving:
    """Requests of whole seconds."""
    seconds = np.arange(len(per_second), dtype=float)
    return Arriving(first=seconds, last=seconds + 1.0, number=per_second)


def seconds_each(timing: EngineTiming, limits: EngineLimits, shapes: Shapes, slo: SloBounds) -> np.ndarray:
    """Replica-seconds that each request takes at least; infinite where the SLO cannot be met."""
    alpha = timing.alpha_seconds
    decode = timing.gamma_seconds_per_kv_token * shapes.context * shapes.output
    work = timing.beta_seconds_per_token * shapes.computed + decode
    slots = np.minimum(limits.max_num_seqs, limits.kv_tokens / np.maximum(shapes.context, 1.0))
    by_memory = work + alpha * shapes.output / slots
    by_budget = work + alpha * shapes.computed / limits.max_num_batched_tokens
    return max(_by_tpot(work, alpha, shapes, slo), by_memory, by_budget, key=lambda form: float(form.sum()))


def _by_tpot(work: np.ndarray, alpha: float, shapes: Shapes, slo: SloBounds) -> np.ndarray:
    """Steps must not be longer than the SLO's time per token while anybody decodes."""
    if slo.tpot_seconds is None or not shapes.output.any():
        return work
    share = 1.0 - alpha / slo.tpot_seconds
    return work / share if share > 0 else np.full_like(work, inf)


def patience_seconds(shapes: Shapes, slo: SloBounds) -> np.ndarray:
    """The time from its arrival by which a request that meets the SLO is done."""
    first = inf if slo.ttft_seconds is None else slo.ttft_seconds
    each = inf if slo.tpot_seconds is None else slo.tpot_seconds
    decode = np.where(shapes.output > 1, (shapes.output - 1.0) * each, 0.0)
    return np.minimum(first + decode, inf if slo.e2e_seconds is None else slo.e2e_seconds)


def work_of(arriving: Arriving, each: np.ndarray, patience: np.ndarray, *, bins: int, attainment: float) -> Work:
    """The work of requests that take ``each`` replica-seconds and wait for ``patience`` seconds.

    Of requests that are not alike, the largest may be the ones that are missed.
    """
    work = np.broadcast_to(each / BIN_SECONDS, arriving.number.shape) * arriving.number
    arrived = _cumulated(np.floor(arriving.first / BIN_SECONDS), work, bins)
    due = _cumulated(np.ceil((arriving.last + patience) / BIN_SECONDS) - 1.0, work, bins)
    missable = (1.0 - attainment) * float(arriving.number.sum())
    largest = np.sort(each)[::-1] / BIN_SECONDS
    droppable = missable * largest[0] if len(largest) == 1 else largest[: int(np.ceil(missable))].sum()
    return Work(
        arrived=np.ceil(arrived - 1e-9).astype(np.int64), due=np.floor(due + 1e-9).astype(np.int64), droppable=float(droppable)
    )


def _cumulated(places: np.ndarray, work: np.ndarray, bins: int) -> np.ndarray:
    """Work by the end of each bin; what falls behind the last bin is not due."""
    inside = places < bins
    return np.cumsum(np.bincount(places[inside].astype(np.int64), weights=work[inside], minlength=bins))
