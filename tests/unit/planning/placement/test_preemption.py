"""Who gives way to a higher priority: no more than it needs, nobody for nothing, and to another pool where there is room."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from factories import deployment, node, nodes, pod, pool
from modelmatrix.planning.actions.action import Create, Delete, SetDeletionCost
from modelmatrix.planning.plan import Plan
from modelmatrix.planning.snapshot.views import DeploymentView, NamespacedName, NodeView, PoolView
from scenarios.world import World, rest


def world(there: tuple[NodeView, ...], *fleet: DeploymentView, pools: tuple[PoolView, ...] = (), **fields: Any) -> World:
    """A cluster at rest."""
    made = World(
        deployments={view.key: view for view in fleet},
        pools={view.name: view for view in pools or (pool(),)},
        nodes={view.name: view for view in there},
        **fields,
    )
    rest(made)
    return made


def batch(replicas: int = 1, **fields: Any) -> DeploymentView:
    return deployment(name="batch", priority="P3", replicas=replicas, **fields)


def urgent(tensor: int = 1, **fields: Any) -> DeploymentView:
    return deployment(name="urgent", priority="P0", pools=cut(tensor), **fields)


def cut(tensor: int) -> list[dict[str, Any]]:
    return [{"name": "ascend-a", "parallelism": {"tensor": tensor}}]


def arrive(state: World, *views: DeploymentView) -> Plan:
    """The plan of the moment at which deployments come."""
    state.deployments |= {view.key: view for view in views}
    return state.plan()


def serving(made: Plan) -> dict[str, int]:
    return {key.name: status["readyReplicas"] for key, status in made.statuses.items()}


def asked_to_go(made: Plan) -> dict[str, int]:
    """Pods that are marked to be the first to go, by deployment."""
    return Counter(item.deployment.name for item in made.actions if isinstance(item, SetDeletionCost))


def test_of_those_who_need_not_all_go_the_most_important_is_spared() -> None:
    """Beside the free device and the two of trading one more is needed: that of the lowest priority is taken."""
    guest = pod(name="guest", node="ascend-a-0", devices=3)
    office = deployment(name="office", priority="P2")
    trading = deployment(name="trading", priority="P1", pools=cut(2))
    state = world(nodes(1), trading, office, batch(), foreign={guest.key: guest})
    assert asked_to_go(arrive(state, urgent(4))) == {"batch": 1, "trading": 1}
    assert serving(rest(state)) == {"urgent": 1, "trading": 0, "office": 1, "batch": 0}


def test_who_is_less_important_is_spared_where_that_does_not_help() -> None:
    """The devices of the large one are enough, and without them those of the small one would not be."""
    guest = pod(name="guest", node="ascend-a-0", devices=3)
    office = deployment(name="office", priority="P2", pools=cut(4))
    state = world(nodes(1), office, batch(), foreign={guest.key: guest})
    assert asked_to_go(arrive(state, urgent(4))) == {"office": 1}
    assert serving(rest(state)) == {"urgent": 1, "office": 0, "batch": 1}


def test_what_was_only_planned_gives_way_before_it_is_made() -> None:
    state = world(nodes(1), deployment(name="office", priority="P2", pools=cut(4)))
    made = arrive(state, batch(pools=cut(4)), urgent(8))
    assert not [item for item in made.actions if isinstance(item, Create) and item.key.name.startswith("batch-")]
    assert made.deployments[NamespacedName("bank", "batch")].preempted_by == {NamespacedName("bank", "urgent"): 1}
    assert serving(rest(state)) == {"urgent": 1, "office": 0, "batch": 0}


def test_nobody_leaves_a_node_whose_sick_devices_forbid_it_anyway() -> None:
    state = world(nodes(1), batch(8))
    state.nodes["ascend-a-0"] = node(name="ascend-a-0", healthy=7)
    assert asked_to_go(arrive(state, urgent(8))) == {}
    made = rest(state)
    assert serving(made) == {"urgent": 0, "batch": 8}
    placed = next(c for c in made.statuses[NamespacedName("bank", "urgent")]["conditions"] if c["type"] == "Placed")
    assert "0 are free, 0 on the best node, 1 unhealthy" in placed["message"]


def test_who_gives_way_makes_up_for_devices_that_fell_ill_under_it_too() -> None:
    state = world(nodes(1), batch(8))
    state.nodes["ascend-a-0"] = node(name="ascend-a-0", healthy=6)
    assert asked_to_go(arrive(state, urgent(2))) == {"batch": 4}


def lowest_serving(state: World, rounds: int = 40) -> dict[str, int]:
    """The fewest replicas that ever serve until there is nothing more to do."""
    lowest: dict[str, int] = {}
    for _ in range(rounds):
        made = state.plan()
        lowest = {name: min(count, lowest.get(name, count)) for name, count in serving(made).items()}
        state.apply(made)
        state.step()
    assert not state.plan().actions
    return lowest


def edit(state: World, changed: DeploymentView) -> None:
    state.deployments[changed.key] = replace(changed, status=state.deployments[changed.key].status)


def test_nobody_gives_way_to_new_replicas_for_which_the_old_ones_make_room() -> None:
    state = world(nodes(1), deployment(name="trading", priority="P1", replicas=4), batch(4))
    edit(state, deployment(name="trading", priority="P1", replicas=2, quantization="BF16"))
    assert lowest_serving(state) == {"trading": 1, "batch": 4}
    assert serving(rest(state)) == {"trading": 2, "batch": 4}


def test_others_give_way_to_new_replicas_as_far_as_the_old_ones_make_no_room() -> None:
    state = world(nodes(1), deployment(name="trading", priority="P1", replicas=3), batch(5))
    edit(state, deployment(name="trading", priority="P1", replicas=3, quantization="BF16"))
    assert lowest_serving(state) == {"trading": 3, "batch": 1}, "old ones make room for one of three"
    assert serving(rest(state)) == {"trading": 3, "batch": 2}


def test_a_full_limit_is_reason_enough_to_give_way() -> None:
    state = world(nodes(1), batch(4), pools=(pool(limit=4),))
    assert asked_to_go(arrive(state, urgent())) == {"batch": 1}
    assert serving(rest(state)) == {"urgent": 1, "batch": 3}


def group(name: str, **fields: Any) -> DeploymentView:
    """A deployment whose replica needs two whole nodes."""
    return deployment(name=name, model="DeepSeek-R1", **{"priority": "P3"} | fields)


def groups_asked_to_go(made: Plan) -> set[str]:
    """Deployments of one group that lose it."""
    return {item.deployment.name for item in made.actions if isinstance(item, Delete)}


def test_what_leaves_a_node_is_taken_off_the_limit_first() -> None:
    large = deployment(name="large", priority="P3", quantization="BF16", replicas=4)
    state = world(nodes(2), large, batch(8), pools=(pool(limit=16),))
    assert asked_to_go(arrive(state, urgent(2))) == {"large": 1}


def test_a_full_limit_costs_one_group_and_not_two() -> None:
    state = world(nodes(4), group("zzz"), pools=(pool(limit=32),))
    state.deployments[NamespacedName("bank", "aaa")] = group("aaa")
    rest(state)
    assert len(groups_asked_to_go(arrive(state, group("urgent", priority="P0")))) == 1


def test_of_groups_that_lie_across_each_other_one_goes() -> None:
    guests = [pod(name=name, node=name) for name in ("ascend-a-1", "ascend-a-3")]
    state = world(nodes(4), group("zzz"), foreign={guest.key: guest for guest in guests})
    state.foreign.clear()
    state.deployments[NamespacedName("bank", "aaa")] = group("aaa")
    rest(state)
    assert len(groups_asked_to_go(arrive(state, group("urgent", priority="P0")))) == 1


def test_a_small_one_is_spared_where_a_group_must_go_anyway() -> None:
    state = world(nodes(3), group("flagship"), batch())
    made = arrive(state, group("urgent", priority="P0"))
    assert (groups_asked_to_go(made), asked_to_go(made)) == ({"flagship"}, {})


def test_nobody_gives_way_to_what_the_limit_would_still_forbid() -> None:
    state = world(nodes(1), batch(2), pools=(pool(limit=4),))
    assert asked_to_go(arrive(state, urgent(8))) == {}
    made = rest(state)
    assert serving(made) == {"urgent": 0, "batch": 2}
    placed = next(c for c in made.statuses[NamespacedName("bank", "urgent")]["conditions"] if c["type"] == "Placed")
    assert "the pool's limit of 4 leaves 2; raise spec.limits.devices" in placed["message"]


def test_devices_of_a_cordoned_node_are_given_back_to_the_limit_and_not_to_the_node() -> None:
    state = world((node(name="old"),), batch(4), pools=(pool(limit=4),))
    state.nodes = {"old": replace(state.nodes["old"], schedulable=False), "new": node(name="new")}
    made = arrive(state, urgent())
    assert {item.name: item.free for item in made.pools["ascend-a"].nodes} == {"new": 7, "old": 0}
    assert serving(rest(state)) == {"urgent": 1, "batch": 3}
    assert [item.node for item in state.pods if item.workload.startswith("urgent-")] == ["new"]


def test_who_gives_way_is_started_at_once_on_another_pool_that_has_room() -> None:
    pools = (pool(), pool(name="ascend-b"))
    state = world((*nodes(1), *nodes(1, pool="ascend-b")), batch(8, pools=["ascend-a", "ascend-b"]), pools=pools)
    made = arrive(state, urgent(2))
    (elsewhere,) = [item for item in made.actions if isinstance(item, Create) and item.key.name.startswith("batch-")]
    assert elsewhere.manifest["spec"]["replicas"] == 2
    made = rest(state)
    assert serving(made) == {"urgent": 1, "batch": 8}
    assert made.statuses[NamespacedName("bank", "batch")]["placementSummary"] == "ascend-a/W8A8:6 ascend-b/W8A8:2"


def test_nobody_leaves_a_node_for_a_group_that_needs_larger_ones() -> None:
    """The first node offers half of its devices since its plugin was changed; what runs there goes on."""
    state = world((node(name="a-changed"), *nodes(2)), batch(24))
    state.nodes["a-changed"] = node(name="a-changed", devices=4)
    arrive(state, deployment(name="flagship", model="DeepSeek-R1", priority="P0"))
    assert serving(rest(state)) == {"flagship": 1, "batch": 8}
    assert {item.node for item in state.pods if item.workload.startswith("batch-")} == {"a-changed"}


def test_a_limit_below_what_the_important_need_leaves_the_others_nothing() -> None:
    state = world(nodes(1), batch(2), urgent(replicas=2), pools=(pool(limit=4),))
    state.pools["ascend-a"] = replace(pool(limit=2), status=state.pools["ascend-a"].status)
    assert serving(rest(state)) == {"urgent": 2, "batch": 0}
