"""The linear program on cases that can be solved by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.bound.linear import Demand, Kind, least_cost

pytest.importorskip("scipy", reason="the linear program is part of the dependency group benchmark")

CHEAP = Kind(per_second=1.0, price=60.0, devices=1, start_seconds=0.0, pool="a")
DEAR = Kind(per_second=1.0, price=120.0, devices=1, start_seconds=0.0, pool="b")


def demand(new: list[float], *kinds: Kind, patience: int = 0, droppable: float = 0.0, least: int = 0) -> Demand:
    arrived = np.cumsum(np.array(new) * 60.0)
    due = np.concatenate([np.zeros(patience), arrived])[: len(arrived)]
    return Demand(arrived=arrived, due=due, droppable=droppable, min_replicas=least, kinds=kinds)


def test_replicas_follow_the_rate() -> None:
    # A replica-minute costs 1.
    assert least_cost([demand([1.0, 3.0, 2.0], CHEAP)], {}) == pytest.approx(6.0)


def test_a_full_pool_leaves_the_rest_to_the_dearer_one() -> None:
    both = demand([3.0, 3.0], CHEAP, DEAR)
    assert least_cost([both], {"a": 2, "b": 9}) == pytest.approx(2 * (2.0 + 2.0))
    with pytest.raises(ValueError, match="cannot serve"):
        least_cost([both], {"a": 2, "b": 0})


def test_pools_are_shared() -> None:
    flexible, bound = demand([1.0, 1.0], CHEAP, DEAR), demand([1.0, 1.0], CHEAP)
    assert least_cost([flexible, bound], {"a": 1, "b": 9}) == pytest.approx(2 * 1.0 + 2 * 2.0)


def test_starts_are_paid_for() -> None:
    slow = Kind(per_second=1.0, price=60.0, devices=1, start_seconds=60.0, pool="a")
    assert least_cost([demand([1.0, 2.0], slow)], {}) == pytest.approx(3.0 + 1.0)


def test_waiting_and_dropping_save_replicas() -> None:
    slow = Kind(per_second=1.0, price=60.0, devices=1, start_seconds=600.0, pool="a")
    assert least_cost([demand([2.0, 0.0], slow, patience=1)], {}) == pytest.approx(2.0)
    assert least_cost([demand([1.0, 2.0], slow, droppable=60.0)], {}) == pytest.approx(2.0)


def test_the_least_number_of_replicas_is_kept() -> None:
    assert least_cost([demand([0.0, 0.0], CHEAP, least=2)], {}) == pytest.approx(4.0)
