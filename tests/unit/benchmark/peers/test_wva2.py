"""WVA's token-based analyzer: capacity, demand, the two thresholds, cost."""

from __future__ import annotations

from math import nan

import pytest

from benchmark.peers.wva2 import Capacity, Wva2, derived_tokens, replicas_to_add, replicas_to_remove
from fakes.fleets import choice, sample, seen, site


def test_tokens_of_a_steady_engine() -> None:
    assert derived_tokens(8192, 256, 1000, 100) == pytest.approx(256 * 1050)
    assert derived_tokens(8192, 1024, 1000, 100) == pytest.approx(8192 * 100 / 1100 * 1050)
    assert derived_tokens(8192, 256, 1000, 0) == 0.0


def test_more_of_the_cheapest_per_token() -> None:
    cheap = Capacity("a", cost=1.0, tokens=100.0, serving=2, pending=1, demand=300.0)
    dear = Capacity("b", cost=3.0, tokens=200.0, serving=1, pending=0, demand=200.0)
    # (300 + 200) / 0.85 - (3 * 100 + 1 * 200) = 88.2
    assert replicas_to_add([dear, cheap], 0.85, {}, 9) == {"a": 1}
    assert replicas_to_add([dear, cheap], 0.85, {"a": 0}, 9) == {"a": 0, "b": 1}
    assert replicas_to_add([cheap], 1.0, {}, 9) == {}
    assert replicas_to_add([cheap], 0.1, {}, 9) == {"a": 9}


def test_fewer_of_the_dearest() -> None:
    cheap = Capacity("a", cost=1.0, tokens=100.0, serving=4, pending=0, demand=100.0)
    dear = Capacity("b", cost=3.0, tokens=200.0, serving=1, pending=0, demand=40.0)
    # 600 - 140 / 0.7 = 400: one of b, and two of a
    assert replicas_to_remove([cheap, dear], 0.7) == {"b": 1, "a": 2}


def test_the_last_replica_of_the_cheapest_stays() -> None:
    only = Capacity("a", cost=1.0, tokens=100.0, serving=2, pending=0, demand=0.0)
    assert replicas_to_remove([only], 0.7) == {"a": 1}


def test_demand_is_what_is_in_use_and_what_waits() -> None:
    # 50 % of 100,000 tokens in use, 4 waiting of 1,000 each: 54,000 / 0.85 is less than the 64 * 1,050 of a steady engine.
    pages = {"a": (sample(0), sample(60, kv=0.5, waiting=4.0, finished=60))}
    assert Wva2(site()).decide(seen(60, pages, {"a": 1})) == {"a": 1}
    pages = {"a": (sample(0), sample(60, kv=0.6, waiting=8.0, finished=60))}
    # The queue is full: the 60,000 in use are what a replica can hold, and 68,000 / 0.85 are wanted.
    assert Wva2(site()).decide(seen(60, pages, {"a": 1})) == {"a": 2}


def test_what_was_in_use_when_the_queue_was_full_is_remembered() -> None:
    scaler = Wva2(site())
    full = {"a": (sample(0), sample(60, kv=0.3, waiting=12.0, finished=60))}
    assert scaler.decide(seen(60, full, {"a": 2})) == {"a": 3}
    calm = {"a": (sample(60, finished=60), sample(120, kv=0.3, finished=120))}
    # 3 * 30,000 in use, a replica holds 30,000 as seen before: 90,000 / 0.85 / 30,000 = 3.5
    assert scaler.decide(seen(120, calm, {"a": 3})) == {"a": 4}


def test_it_grows_to_its_bound_however_much_is_asked_for() -> None:
    flooded = {"a": (sample(0), sample(60, kv=0.8, waiting=9000.0, finished=60))}
    assert Wva2(site(most=5)).decide(seen(60, flooded, {"a": 2})) == {"a": 5}


def test_it_can_be_told_what_keeps_the_slo() -> None:
    # 20 in flight of 1,050 tokens: 21,000. 60 % of 100,000 tokens are in use: 60,000 / 0.5 asks for 6.
    pages = {"a": (sample(0), sample(60, kv=0.6, finished=60))}
    assert Wva2(site(), 0.5, is_told=True).decide(seen(60, pages, {"a": 1})) == {"a": 5}  # four more in 15 s at most


@pytest.mark.parametrize("page", [None, sample(0, kv=nan)])
def test_it_holds_where_it_cannot_see(page: object) -> None:
    pages = {} if page is None else {"a": (page,)}
    assert Wva2(site(choice("a"))).decide(seen(0, pages, {"a": 2})) == {}  # type: ignore[arg-type]
