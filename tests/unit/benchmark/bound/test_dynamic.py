"""The dynamic program against every plan there is, on workloads that are small enough."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.bound.dynamic import least_cost

FREE = 1000.0


def cost(new: list[int], patience: int, *, lowest: int = 0, start: float = 3.0, price: float = FREE) -> float:
    arrived = np.cumsum(new)
    due = np.concatenate([np.zeros(patience, dtype=int), arrived])[: len(arrived)]
    rows, columns = max(*new, lowest) + 1, int((arrived - due).max()) + 1
    tables = np.empty((rows, columns)), np.empty((rows, columns))
    return least_cost(arrived, due, lowest, start, price, tables)


def cheapest_plan(new: list[int], patience: int, *, lowest: int, start: float) -> float:
    """The cost of the best of all sequences of replicas that drop nothing."""
    best = np.inf
    for plan in product(range(lowest, max(*new, lowest) + 1), repeat=len(new)):
        waiting: list[int] = []
        for bin_, (arriving, replicas) in enumerate(zip(new, plan, strict=True)):
            waiting += [bin_ + patience] * arriving
            waiting = waiting[replicas:]
            if waiting and waiting[0] <= bin_:
                break
        else:
            started = sum(max(0, after - before) for before, after in pairwise(plan))
            best = min(best, sum(plan) + start * started)
    return float(best)


def test_what_must_not_wait_takes_a_replica_for_each() -> None:
    assert cost([2, 2, 2], 0) == 6.0


def test_a_start_costs_what_it_takes() -> None:
    assert cost([0, 0, 0, 0, 2], 0) == 2.0 + 2 * 3.0
    # Kept for the two bins between is cheaper than started again.
    assert cost([1, 0, 0, 1], 0) == 4.0
    assert cost([1, 0, 0, 0, 0, 1], 0) == 2.0 + 3.0


def test_patience_spreads_a_burst() -> None:
    assert cost([3, 0, 0], 2) == 3.0
    assert cost([3, 0, 0], 0) == 3.0
    # Two replicas for three bins; what comes last need not be done any more.
    assert cost([1, 4, 0, 1], 1) == 6.0


def test_a_low_price_drops_instead() -> None:
    assert cost([2, 2, 2], 0, price=0.5) == 3.0


def test_the_least_number_of_replicas_is_paid_for() -> None:
    assert cost([0, 0, 0, 1], 0, lowest=2) == 8.0


@given(
    new=st.lists(st.integers(0, 3), min_size=2, max_size=5).filter(any),
    patience=st.integers(0, 2),
    lowest=st.integers(0, 1),
    start=st.sampled_from([0.0, 1.0, 2.5]),
)
def test_it_finds_the_best_of_all_plans(new: list[int], patience: int, lowest: int, start: float) -> None:
    # What is left over at the end need not be done in time, so an end in which nothing arrives is added.
    padded = [*new, *[0] * patience]
    assert cost(padded, patience, lowest=lowest, start=start) == pytest.approx(
        cheapest_plan(padded, patience, lowest=lowest, start=start)
    )
