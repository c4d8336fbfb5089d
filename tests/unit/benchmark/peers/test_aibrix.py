"""AIBrix's APA: tolerances, rates, cooldown."""

from __future__ import annotations

from math import nan

import pytest

from benchmark.peers.aibrix import Apa, desired_pods
from fakes.fleets import sample, seen, site


@pytest.mark.parametrize(
    ("use", "pods", "expected"),
    [(0.55, 10, 10), (0.56, 10, 12), (5.0, 10, 20), (0.45, 10, 10), (0.44, 10, 9), (0.01, 10, 5), (0.01, 3, 1)],
)
def test_desired_pods(use: float, pods: int, expected: int) -> None:
    assert desired_pods(use, 0.5, pods) == expected


def test_by_default_it_watches_kv_usage() -> None:
    assert Apa(site()).decide(seen(0, {"a": (sample(0, kv=0.8),)}, {"a": 5})) == {"a": 8}


def test_a_target_in_flight_is_per_pod() -> None:
    assert Apa(site(), 10.0).decide(seen(0, {"a": (sample(0, running=60),)}, {"a": 4})) == {"a": 6}


def test_a_fall_waits_five_minutes() -> None:
    scaler = Apa(site(), 10.0)
    scaler.decide(seen(0, {"a": (sample(0, running=60),)}, {"a": 6}))
    assert scaler.decide(seen(290, {"a": (sample(290, running=30),)}, {"a": 6})) == {"a": 6}
    assert scaler.decide(seen(300, {"a": (sample(300, running=30),)}, {"a": 6})) == {"a": 3}


@pytest.mark.parametrize("value", [None, nan])
def test_it_holds_without_a_number(value: float | None) -> None:
    pages = {} if value is None else {"a": (sample(0, kv=value),)}
    assert Apa(site()).decide(seen(0, pages, {"a": 5})) == {}
