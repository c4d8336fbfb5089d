"""A cluster at rest, its edits, and what its plans say of one deployment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from factories import deployment, nodes, pool
from modelmatrix.planning.plan import Plan
from modelmatrix.planning.snapshot.views import DeploymentView, NamespacedName, NodeView, PodView, PoolView
from scenarios.world import World

KEY = NamespacedName("bank", "assistant")
FLAGSHIP = {"name": "flagship", "model": "DeepSeek-R1"}


def world(
    *fleet: DeploymentView,
    pools: Iterable[PoolView] = (),
    there: Iterable[NodeView] | None = None,
    guests: Iterable[PodView] = (),
    **fields: Any,
) -> World:
    """A cluster with one Ascend pool of one node, unless said otherwise."""
    return World(
        deployments={view.key: view for view in fleet},
        pools={view.name: view for view in (*pools, *(() if pools else (pool(),)))},
        nodes={view.name: view for view in (nodes(1) if there is None else there)},
        foreign={view.key: view for view in guests},
        **fields,
    )


def ready(made: Plan, key: NamespacedName = KEY) -> tuple[int, str, str]:
    """Ready replicas, and the status and reason of the Ready condition."""
    status = made.statuses[key]
    condition = next(item for item in status["conditions"] if item["type"] == "Ready")
    return status["readyReplicas"], condition["status"], condition["reason"]


def condition(made: Plan, type_: str, key: NamespacedName = KEY) -> dict[str, Any]:
    """A condition of a deployment."""
    return next(item for item in made.statuses[key]["conditions"] if item["type"] == type_)


def kinds(made: Plan) -> list[str]:
    """Names of the actions' types."""
    return [type(action).__name__ for action in made.actions]


def edit(state: World, key: NamespacedName = KEY, **fields: Any) -> None:
    """Write a new spec."""
    changed = deployment(name=key.name, **fields)
    state.deployments[key] = replace(changed, status=state.deployments[key].status)


def lowest_ready(state: World, key: NamespacedName = KEY, rounds: int = 40) -> int:
    """The fewest replicas that ever serve until there is nothing more to do."""
    lowest = 1000
    for _ in range(rounds):
        made = state.plan()
        lowest = min(lowest, ready(made, key)[0])
        state.apply(made)
        state.step()
    assert not state.plan().actions
    return lowest
