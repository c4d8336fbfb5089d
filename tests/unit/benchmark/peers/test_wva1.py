"""WVA's first analyzer: spare capacity, one step, nothing in transition."""

from __future__ import annotations

from math import nan

import pytest

from benchmark.peers.wva1 import Load, Wva1, step
from fakes.fleets import choice, sample, seen, site


@pytest.mark.parametrize(
    ("kv", "queue", "replicas", "expected"),
    [
        (0.71, 0.0, 4, 1),  # spares less than 10 % of KV memory
        (0.69, 2.1, 4, 1),  # spares less than 3 waiting
        (0.80, 0.0, 4, 1),  # all are saturated
        (0.60, 0.0, 4, 0),  # with one less it would not spare 10 %
        (0.50, 0.0, 4, -1),
        (0.10, 1.6, 4, 0),  # with one less it would not spare 3 waiting
        (0.10, 0.0, 1, 0),
    ],
)
def test_one_step(kv: float, queue: float, replicas: int, expected: int) -> None:
    assert step([Load(replicas, kv, queue)], 0.1, 3.0) == expected


def test_more_of_the_cheapest_less_of_the_dearest() -> None:
    variants = site(choice("a", cost=2.0), choice("b", cost=1.0))
    busy = {"a": (sample(0, kv=0.75),), "b": (sample(0, kv=0.75),)}
    assert Wva1(variants).decide(seen(0, busy, {"a": 1, "b": 1})) == {"a": 1, "b": 2}
    assert Wva1(variants).decide(seen(0, busy, {"a": 1, "b": 1}, rooms={"b": 0})) == {"a": 2, "b": 1}
    scaler = Wva1(variants)
    for at in range(0, 360, 60):
        idle = {name: (sample(at, kv=0.1),) for name in ("a", "b")}
        wanted = scaler.decide(seen(at, idle, {"a": 1, "b": 1}))
    assert wanted == {"a": 0, "b": 1}


def test_the_one_that_follows_takes_away_after_five_minutes() -> None:
    scaler = Wva1(site())
    assert scaler.decide(seen(0, {"a": (sample(0, kv=0.6),)}, {"a": 4})) == {"a": 4}
    decisions = [scaler.decide(seen(at, {"a": (sample(at, kv=0.1),)}, {"a": 4})) for at in range(60, 360, 60)]
    assert decisions == [{"a": 4}] * 4 + [{"a": 3}]


def test_nothing_happens_while_a_replica_starts() -> None:
    observation = seen(0, {"a": (sample(0, kv=0.9),)}, {"a": 3}, ready={"a": 2})
    assert Wva1(site()).decide(observation) == {}


@pytest.mark.parametrize("page", [None, sample(0, kv=nan)])
def test_nothing_happens_without_numbers(page: object) -> None:
    pages = {} if page is None else {"a": (page,)}
    assert Wva1(site()).decide(seen(0, pages, {"a": 3})) in ({}, {"a": 3})  # type: ignore[arg-type]
