"""Fewer replicas are wanted: where they go, and what waits for them to be gone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from factories import deployment, nodes, pool
from modelmatrix.planning.plan import Plan
from modelmatrix.planning.snapshot.views import NamespacedName
from scenarios.world import World, rest

KEY = NamespacedName("bank", "assistant")
POOLS = ("ascend-a", "ascend-b", "ascend-c")
SITES = {"ascend-a": "north", "ascend-b": "north", "ascend-c": "south"}


def world(**fields: Any) -> World:
    """Three pools of one node on two sites, at rest."""
    view = deployment(pools=POOLS, **fields)
    there = [item for name in POOLS for item in nodes(1, pool=name)]
    pools = {name: pool(name=name, site=SITES[name]) for name in POOLS}
    made = World({view.key: view}, pools, {item.name: item for item in there})
    rest(made)
    return made


def edit(state: World, **fields: Any) -> None:
    state.deployments[KEY] = replace(deployment(pools=POOLS, **fields), status=state.deployments[KEY].status)


def summary(made: Plan) -> str:
    return str(made.statuses[KEY]["placementSummary"])


@pytest.mark.parametrize(
    ("replicas", "expected"),
    [(3, "ascend-a/W8A8:2 ascend-c/W8A8:1"), (2, "ascend-a/W8A8:1 ascend-c/W8A8:1")],
)
def test_spread_removes_from_the_fullest_site_and_of_equal_ones_from_the_last_listed(replicas: int, expected: str) -> None:
    state = world(replicas=4, placement="Spread")
    assert summary(state.plan()) == "ascend-a/W8A8:2 ascend-c/W8A8:2"
    edit(state, replicas=replicas, placement="Spread")
    assert summary(rest(state)) == expected


def test_otherwise_the_least_preferred_pool_is_given_up() -> None:
    state = world(replicas=18)
    assert summary(state.plan()) == "ascend-a/W8A8:8 ascend-b/W8A8:8 ascend-c/W8A8:2"
    edit(state, replicas=7)
    assert summary(rest(state)) == "ascend-a/W8A8:7"


def test_a_workload_that_comes_back_waits_until_the_old_one_is_gone() -> None:
    state = world(replicas=1)
    edit(state, replicas=1, suspend=True)
    state.apply(state.plan())
    state.drains = False
    state.step()
    edit(state, replicas=2)
    assert state.plan().actions == (), "its name is taken, and what is being deleted cannot be changed"
    state.drains = True
    assert rest(state).statuses[KEY]["readyReplicas"] == 2
