"""A deployment's requests as work: how much has arrived, and how much is due, by the end of each bin of time.

A request that meets its SLO is done no later than ``TTFT + output tokens * TPOT`` (or the end-to-end bound) after it
arrived. Its work is the share of a replica's second that it takes at the rate at which the SLO's TPOT is just met.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from modelmatrix.performance.timing import EngineLimits, Lengths, SloBounds
    from modelmatrix.simulation.variants import Variant

BIN_SECONDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Work of a workload in replica-bins, cumulated over bins; ``total`` is all of it, ``droppable`` what may be missed."""

    arrived: np.ndarray
    due: np.ndarray
    total: float
    droppable: float


def work_of(per_second: np.ndarray, seconds_each: float, patience_seconds: float, attainment: float) -> Work:
    """Work of requests that are all alike.

    Args:
        per_second: requests that arrive in each second.
        seconds_each: replica-seconds that a request takes.
        patience_seconds: time from arrival by which a request is done.
        attainment: share of the requests that must be.
    """
    bins = len(per_second) // BIN_SECONDS
    arriving = per_second[: bins * BIN_SECONDS].reshape(bins, BIN_SECONDS).sum(axis=1) * (seconds_each / BIN_SECONDS)
    arrived = np.cumsum(arriving)
    # A bin's requests may have come at its very end.
    late = 1 + ceil(patience_seconds / BIN_SECONDS)
    due = np.concatenate([np.zeros(late), arrived])[: len(arrived)]
    total = float(arrived[-1])
    return Work(
        arrived=np.ceil(arrived - 1e-9).astype(np.int64),
        due=np.floor(due + 1e-9).astype(np.int64),
        total=total,
        droppable=(1.0 - attainment) * total,
    )


def seconds_each(variant: Variant, lengths: Lengths, slo: SloBounds) -> float:
    """Replica-seconds of one request at the highest rate that keeps the mean time per token within the SLO."""
    timing, limits = variant.timing, variant.limits
    rate = min(timing.tpot_capacity(slo.tpot_seconds, lengths), _highest_rate(variant, lengths, limits))
    return 1.0 / rate if rate > 0 else inf


def patience_seconds(lengths: Lengths, slo: SloBounds) -> float:
    """The time by which a request that meets the SLO is done."""
    decode = lengths.output_tokens * slo.tpot_seconds if slo.tpot_seconds is not None else inf
    by_parts = slo.ttft_seconds + decode if slo.ttft_seconds is not None else inf
    return min(by_parts if lengths.output_tokens else slo.ttft_seconds or inf, slo.e2e_seconds or inf)


def _highest_rate(variant: Variant, lengths: Lengths, limits: EngineLimits) -> float:
    """Requests per second that the engine can do at all, by memory and by the token budget of a step."""
    prompts = limits.max_num_batched_tokens / max(1.0, lengths.computed_tokens)
    by_compute = prompts / variant.timing.step_seconds(limits.max_num_batched_tokens, 0.0)
    return min(variant.timing.memory_capacity(lengths, limits), by_compute)
