"""A rate in replicas."""

from __future__ import annotations

import pytest

from modelmatrix.scaling.decide.capacity_need import capacity_need, most_per_second
from modelmatrix.scaling.decide.pool_candidates import rank_pools
from modelmatrix.scaling.estimate.safety_margin import HIGHEST, SafetyMargin
from modelmatrix.scaling.state.state import PolicyState, SafetyMarginState
from modelmatrix.scaling.state.update import update_pool
from observations import CAPACITY, LENGTHS, SLO, observation, variant

POOLS = {"a": update_pool(None, variant(), LENGTHS, SLO, 0.0, reads=False)}
FLEET = rank_pools(observation(), POOLS)
assert FLEET is not None
UNIT = FLEET.reference_pool


def memory(part: float) -> PolicyState:
    return PolicyState(margin=SafetyMarginState(integral=SafetyMargin(part=part)))


def test_the_margin_is_told() -> None:
    found = capacity_need(50.0, 0.1, UNIT, memory(1.0), SLO)
    assert found.rate_per_second == 50.0
    assert found.replicas == pytest.approx(50.0 * (1 + found.margin) / CAPACITY)
    assert 0.2 < found.margin < 0.6


def test_a_larger_part_of_the_margin_takes_more() -> None:
    parts = [capacity_need(50.0, 0.1, UNIT, memory(part), SLO).replicas for part in (0.1, 0.5, 1.0, 2.0)]
    assert parts == sorted(parts)


def test_a_large_fleet_needs_a_smaller_margin() -> None:
    assert capacity_need(500.0, 0.0, UNIT, memory(1.0), SLO).margin < capacity_need(5.0, 0.0, UNIT, memory(1.0), SLO).margin


def test_nothing_takes_nothing() -> None:
    found = capacity_need(0.0, 0.5, UNIT, memory(1.0), SLO)
    assert (found.replicas, found.margin) == (0.0, 0.0)


def test_the_most_that_a_margin_serves() -> None:
    most = most_per_second(50.0, 0.1, UNIT, memory(0.2), SLO)
    assert most == pytest.approx(CAPACITY * capacity_need(50.0, 0.1, UNIT, memory(HIGHEST), SLO).replicas)
