"""The capacity that keeps the SLO at an uncertain rate: by hand, by its own definition, and in replicas."""

from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.scaling.decide.capacity_need import MAX_EDGE_DEVIATION, capacity_need, most_per_second, required_capacity
from modelmatrix.scaling.decide.pool_candidates import rank_pools
from modelmatrix.scaling.estimate.safety_margin import MAX_PART, SafetyMargin
from modelmatrix.scaling.state.state import PolicyState, SafetyMarginState
from modelmatrix.scaling.state.update import update_pool
from observations import CAPACITY, LENGTHS, SLO, observation, variant

POOLS = {"a": update_pool(None, variant(), LENGTHS, SLO, 0.0, learns_timing=False)}
FLEET = rank_pools(observation(), POOLS)
assert FLEET is not None
UNIT = FLEET.reference_pool


def memory(part: float) -> PolicyState:
    return PolicyState(margin=SafetyMarginState(safety_margin=SafetyMargin(part=part)))


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
    assert most == pytest.approx(CAPACITY * capacity_need(50.0, 0.1, UNIT, memory(MAX_PART), SLO).replicas)


def test_without_uncertainty_the_rate_is_enough() -> None:
    assert required_capacity(10.0, 0.0, 0.0, 2.0) == 10.0
    assert required_capacity(10.0, 0.3, 0.3, 0.0) == 10.0
    assert required_capacity(0.0, 0.3, 0.3, 2.0) == 0.0


def test_an_uncertain_rate_by_hand() -> None:
    assert required_capacity(10.0, 0.1, 0.0, 2.0) == pytest.approx(10.0 * 1.2)


def test_a_blurred_edge_by_hand() -> None:
    assert required_capacity(10.0, 0.0, 0.1, 2.0) == pytest.approx(10.0 / (1.0 - 0.2))


@given(st.floats(0.1, 1e6), st.floats(0.0, 1.0), st.floats(0.0, 0.3), st.floats(0.0, 2.5))
def test_load_and_edge_are_as_far_apart_as_asked_for(rate: float, deviation: float, edge: float, z: float) -> None:
    capacity = required_capacity(rate, deviation, edge, z)
    assert capacity - rate == pytest.approx(z * sqrt((edge * capacity) ** 2 + (deviation * rate) ** 2), abs=1e-6 * rate)


@given(st.floats(0.0, 10.0), st.floats(0.0, 100.0))
def test_no_blur_is_too_large_for_an_answer(edge: float, z: float) -> None:
    assert 10.0 <= required_capacity(10.0, 0.5, edge, z) <= 10.0 * (1 + sqrt(1 + (0.5 * z) ** 2)) / (1 - MAX_EDGE_DEVIATION**2)
