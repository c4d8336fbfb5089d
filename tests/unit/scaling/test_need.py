"""A rate in replicas."""

from __future__ import annotations

import pytest

from modelmatrix.scaling.fleet import fleet_of
from modelmatrix.scaling.learning import pool_learned
from modelmatrix.scaling.memory import Margin, Memory
from modelmatrix.scaling.need import most_per_second, need
from modelmatrix.scaling.slo_integral import HIGHEST, SloIntegral
from observations import CAPACITY, LENGTHS, SLO, observation, variant

POOLS = {"a": pool_learned(None, variant(), LENGTHS, SLO, 0.0, reads=False)}
FLEET = fleet_of(observation(), POOLS)
assert FLEET is not None
UNIT = FLEET.unit


def memory(part: float) -> Memory:
    return Memory(margin=Margin(integral=SloIntegral(part=part)))


def test_the_margin_is_told() -> None:
    found = need(50.0, 0.1, UNIT, memory(1.0), SLO)
    assert found.rate_per_second == 50.0
    assert found.replicas == pytest.approx(50.0 * (1 + found.margin) / CAPACITY)
    assert 0.2 < found.margin < 0.6


def test_a_larger_part_of_the_margin_takes_more() -> None:
    parts = [need(50.0, 0.1, UNIT, memory(part), SLO).replicas for part in (0.1, 0.5, 1.0, 2.0)]
    assert parts == sorted(parts)


def test_a_large_fleet_needs_a_smaller_margin() -> None:
    assert need(500.0, 0.0, UNIT, memory(1.0), SLO).margin < need(5.0, 0.0, UNIT, memory(1.0), SLO).margin


def test_nothing_takes_nothing() -> None:
    found = need(0.0, 0.5, UNIT, memory(1.0), SLO)
    assert (found.replicas, found.margin) == (0.0, 0.0)


def test_the_most_that_a_margin_serves() -> None:
    most = most_per_second(50.0, 0.1, UNIT, memory(0.2), SLO)
    assert most == pytest.approx(CAPACITY * need(50.0, 0.1, UNIT, memory(HIGHEST), SLO).replicas)
