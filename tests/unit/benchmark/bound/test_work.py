"""How much work requests are, when it has arrived and when it is due."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.bound.work import (
    cumulative_work,
    latest_finish_seconds,
    mean_shapes,
    min_replica_seconds,
    request_arrivals,
    second_arrivals,
)
from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming, SloBounds, TokenLengths
from modelmatrix.simulation.engine.request import Request

TIMING = EngineTiming(0.01, 2e-5, 5e-8)
LENGTHS = TokenLengths(input_tokens=1000, output_tokens=100)
SLO = SloBounds(ttft_seconds=2.0, tpot_seconds=0.05)


@pytest.mark.parametrize("slots", [8, 256])
def test_requests_that_are_alike_take_what_the_closed_form_says(slots: int) -> None:
    limits = EngineLimits(max_num_seqs=slots, kv_tokens=200_000)
    rate = min(TIMING.tpot_capacity(SLO.tpot_seconds, LENGTHS), TIMING.memory_capacity(LENGTHS, limits))
    assert min_replica_seconds(TIMING, limits, mean_shapes(LENGTHS), SLO) == pytest.approx([1.0 / rate])


def test_an_slo_below_one_step_cannot_be_met() -> None:
    limits = EngineLimits(max_num_seqs=8, kv_tokens=200_000)
    assert np.isinf(min_replica_seconds(TIMING, limits, mean_shapes(LENGTHS), SloBounds(tpot_seconds=0.005))).all()


def test_embeddings_are_bound_by_the_token_budget() -> None:
    limits = EngineLimits(max_num_seqs=256, kv_tokens=200_000, max_num_batched_tokens=8192)
    texts = mean_shapes(TokenLengths(input_tokens=512, output_tokens=0))
    assert min_replica_seconds(TIMING, limits, texts, SloBounds(e2e_seconds=1.0)) == pytest.approx([512 * 2e-5 + 0.01 / 16])


def test_patience_is_the_shorter_of_the_parts_and_the_whole() -> None:
    assert latest_finish_seconds(mean_shapes(LENGTHS), SLO) == pytest.approx([2.0 + 99 * 0.05])
    assert latest_finish_seconds(mean_shapes(LENGTHS), SloBounds(ttft_seconds=2.0, tpot_seconds=0.05, e2e_seconds=5.0)) == [5.0]
    assert np.isinf(latest_finish_seconds(mean_shapes(LENGTHS), SloBounds(ttft_seconds=2.0))).all()


def test_seconds_of_requests_are_due_when_the_last_of_them_is() -> None:
    work = cumulative_work(
        second_arrivals(np.array([4.0, 0, 0, 2, 0, 0, 0, 0])), np.array([1.0]), np.array([3.0]), bins=4, attainment=1.0
    )
    assert work.arrived.tolist() == [2, 3, 3, 3]
    # The first second's are due at 4 s, the fourth's at 7 s, which is before the fourth bin ends.
    assert work.due.tolist() == [0, 2, 2, 3]


def test_rounding_never_asks_for_more() -> None:
    work = cumulative_work(second_arrivals(np.full(8, 0.3)), np.array([1.0]), np.array([0.0]), bins=4, attainment=1.0)
    assert work.arrived.tolist() == [1, 1, 1, 2]
    assert work.due.tolist() == [0, 0, 0, 1]


def test_what_may_be_missed_is_the_largest_part() -> None:
    shapes, arriving = request_arrivals([Request(0.0, 100, 10), Request(1.0, 100, 10), Request(2.0, 4000, 10)])
    each = np.array([1.0, 1.0, 8.0])
    work = cumulative_work(arriving, each, np.full(3, 2.0), bins=4, attainment=0.9)
    assert shapes.context.tolist() == [105, 105, 4005]
    assert work.droppable == 4.0
    assert cumulative_work(
        second_arrivals(np.array([100.0])), np.array([2.0]), np.zeros(1), bins=1, attainment=0.99
    ).droppable == pytest.approx(1.0)
