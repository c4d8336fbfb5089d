"""Kthena's recommendation, corrections and order of instances."""

from __future__ import annotations

import pytest

from benchmark.peers.kthena import Block, Kthena, recommended_instances, scaling_order, spread
from fakes.fleets import choice, sample, seen, site


@pytest.mark.parametrize(
    ("total", "instances", "unready", "expected"),
    [
        (43, 4, 0, 4),  # within the tolerance
        (61, 4, 0, 7),
        (21, 4, 0, 3),
        (61, 4, 2, 7),  # unready ones count when more is asked for
        (38, 4, 2, 4),  # and hold when they will be enough
        (10, 4, 2, 1),  # but not when less is asked for
        (10, 4, 4, 4),  # nobody to ask
    ],
)
def test_recommended_instances(total: float, instances: int, unready: int, expected: int) -> None:
    assert recommended_instances(total, 10.0, instances, unready) == expected


def test_blocks_double_and_the_cheapest_come_first() -> None:
    order = scaling_order((choice("a", cost=1.0), choice("b", cost=3.0)), lambda _: 5)
    assert order == [Block("a", 1), Block("a", 2), Block("a", 2), Block("b", 1), Block("b", 2), Block("b", 2)]
    assert spread(4, order) == {"a": 4, "b": 0}
    assert spread(7, order) == {"a": 5, "b": 2}


def test_at_most_twice_as_many_unless_it_panics() -> None:
    calm = Kthena(site(), 10.0)
    assert calm.decide(seen(0, {"a": (sample(0, running=70),)}, {"a": 4})) == {"a": 7}
    assert calm.decide(seen(10, {"a": (sample(10, running=110),)}, {"a": 7})) == {"a": 11}
    panicking = Kthena(site(), 10.0)
    assert panicking.decide(seen(0, {"a": (sample(0, running=400),)}, {"a": 4})) == {"a": 40}


def test_panic_takes_nothing_away_for_a_minute() -> None:
    scaler = Kthena(site(), 10.0)
    scaler.decide(seen(0, {"a": (sample(0, running=100),)}, {"a": 4}))
    assert scaler.decide(seen(45, {"a": (sample(45, running=10),)}, {"a": 10})) == {"a": 10}


def test_a_fall_waits_for_the_highest_recommendation_of_five_minutes() -> None:
    scaler = Kthena(site(), 10.0)
    scaler.decide(seen(0, {"a": (sample(0, running=40),)}, {"a": 4}))
    assert scaler.decide(seen(285, {"a": (sample(285, running=10),)}, {"a": 4})) == {"a": 4}
    assert scaler.decide(seen(300, {"a": (sample(300, running=10),)}, {"a": 4})) == {"a": 1}


def test_by_default_it_watches_waiting_requests() -> None:
    assert Kthena(site()).decide(seen(0, {"a": (sample(0, running=500, waiting=31),)}, {"a": 2})) == {"a": 4}
    assert Kthena(site()).decide(seen(0, {}, {"a": 2})) == {}
