"""What is said of a placement that works: no room for a rollout beside it, nothing left when a node goes."""

from __future__ import annotations

from typing import Any

import pytest

from factories import deployment, nodes, pool, snapshot
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.plan import plan
from modelmatrix.planning.snapshot.views import NamespacedName, NodeView, PoolView
from modelmatrix.planning.status.warnings import PlacementWarning, caveats

R1: dict[str, Any] = {"model": "DeepSeek-R1", "quantization": "W8A8"}  # two nodes of eight
LARGE: dict[str, Any] = {"pools": [{"name": "ascend-a", "parallelism": {"tensor": 4}}]}  # half a node


def found(there: tuple[NodeView, ...], *pools: PoolView, **fields: Any) -> list[PlacementWarning]:
    state = snapshot(deployments=(deployment(**fields),), pools=pools or (pool(),), nodes=there)
    return list(caveats(plan(state).deployments[NamespacedName("bank", "assistant")]))


def reasons(there: tuple[NodeView, ...], *pools: PoolView, **fields: Any) -> list[Reason]:
    return [caveat.reason for caveat in found(there, *pools, **fields)]


@pytest.mark.parametrize(("count", "replicas", "short"), [(1, 1, False), (2, 3, False), (2, 4, True)])
def test_a_rollout_needs_room_for_one_more_than_the_most(count: int, replicas: int, *, short: bool) -> None:
    assert (Reason.NO_SURGE_CAPACITY in reasons(nodes(count), replicas=replicas, **LARGE)) is short


def test_the_most_is_what_scaling_allows() -> None:
    scaling = {"minReplicas": 1, "maxReplicas": 4}
    (caveat,) = found(nodes(2), scaling=scaling, **LARGE)
    assert caveat.message == (
        "no room for a surge replica at 4 replicas, ascend-a holds 4: a rollout then replaces replicas in place"
    )


@pytest.mark.parametrize(("count", "short"), [(2, True), (3, True), (4, False)])
def test_groups_need_whole_nodes(count: int, *, short: bool) -> None:
    assert (Reason.NO_SURGE_CAPACITY in reasons(nodes(count), **R1)) is short


def test_a_limit_is_all_there_is() -> None:
    assert reasons(nodes(4), pool(limit=8), replicas=2, **LARGE) == [Reason.NO_SURGE_CAPACITY]
    assert reasons(nodes(4), pool(limit=12), replicas=2, **LARGE) == []


def test_several_pools_hold_more_together() -> None:
    both = {"pools": [{"name": name, "parallelism": {"tensor": 4}} for name in ("ascend-a", "ascend-b")]}
    there = (*nodes(1), *nodes(1, pool="ascend-b"))
    assert reasons(there, pool(), pool(name="ascend-b"), replicas=3, **both) == []
    (caveat,) = found(there, pool(), pool(name="ascend-b"), replicas=4, **both)
    assert "ascend-a and ascend-b hold 4" in caveat.message


def test_one_server_is_no_redundancy() -> None:
    (caveat,) = found(nodes(1), replicas=1, **LARGE)
    assert caveat.reason is Reason.NO_REDUNDANCY
    assert caveat.message.startswith("no redundancy: ascend-a has one node")
    assert reasons(nodes(2), replicas=1, **LARGE) == []


def test_nothing_is_said_of_what_is_not_wanted_or_not_possible() -> None:
    assert reasons(nodes(1), replicas=0, **LARGE) == []
    assert reasons(nodes(1), quantization="FP8", replicas=1) == []


def test_the_placed_condition_says_it() -> None:
    state = snapshot(deployments=(deployment(replicas=1, **LARGE),), pools=(pool(),), nodes=nodes(1))
    placed = next(c for c in plan(state).statuses[NamespacedName("bank", "assistant")]["conditions"] if c["type"] == "Placed")
    assert placed["status"] == "True"
    assert "no redundancy: ascend-a has one node" in placed["message"]


BOTH: dict[str, Any] = {"pools": ["ascend-a", "ascend-b"], "placement": "Cheapest"}


@pytest.mark.parametrize("other", [None, {"amount": "1.50", "currency": "USD"}])
def test_pools_whose_prices_cannot_be_compared_come_last_and_are_named(other: dict[str, str] | None) -> None:
    there = (*nodes(2), *nodes(2, pool="ascend-b"))
    priced, strange = pool(price={"amount": "6.80", "currency": "CNY"}), pool(name="ascend-b", price=other)
    (caveat,) = found(there, strange, priced, **BOTH)
    assert caveat.reason is Reason.PRICE_NOT_COMPARABLE
    assert caveat.message == "Cheapest compares prices in CNY: ascend-b without one comes last"
    state = snapshot(deployments=(deployment(**BOTH),), pools=(strange, priced), nodes=there)
    assert plan(state).statuses[NamespacedName("bank", "assistant")]["placementSummary"] == "ascend-a/W8A8:1"
    if other is None:
        reordered = BOTH | {"pools": ["ascend-b", "ascend-a"]}
        state = snapshot(deployments=(deployment(**reordered),), pools=(strange, priced), nodes=there)
        assert plan(state).statuses[NamespacedName("bank", "assistant")]["placementSummary"] == "ascend-a/W8A8:1"


def test_prices_that_nobody_compares_or_that_nobody_gave_are_no_caveat() -> None:
    there = (*nodes(2), *nodes(2, pool="ascend-b"))
    priced = pool(price={"amount": "6.80", "currency": "CNY"})
    assert reasons(there, priced, pool(name="ascend-b"), **(BOTH | {"placement": "Ordered"})) == []
    assert reasons(there, pool(), pool(name="ascend-b"), **BOTH) == []
