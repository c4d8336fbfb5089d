"""State in, plan out: replicas of several nodes, which need all of them or none."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from factories import deployment, node, nodes, pod, pool
from modelmatrix.planning.actions.action import Apply, Delete, Scale, SetDeletionCost
from modelmatrix.planning.plan import Plan
from modelmatrix.planning.snapshot.views import NamespacedName
from scenarios.changing import FLAGSHIP, condition, edit, kinds, lowest_ready, ready, world
from scenarios.world import World, rest


def test_a_group_whose_pool_loses_a_node_waits_for_devices_and_is_not_impossible() -> None:
    state = world(deployment(**FLAGSHIP), there=nodes(2))
    rest(state)
    key = NamespacedName("bank", "flagship")
    del state.nodes["ascend-a-1"]
    (item,) = state.workloads.values()
    item.pods = [found for found in item.pods if found.node != "ascend-a-1"]
    made = rest(state)
    assert ready(made, key)[1:] == ("False", "InsufficientDevices")
    assert "a replica needs 2 whole nodes of 8 devices, the pool has 1; add 1" in condition(made, "Reconciling", key)["message"]
    assert made.statuses[key]["candidates"][0]["verdict"] == "NoCapacity"
    state.nodes["new"] = node(name="new")
    assert ready(rest(state), key) == (1, "True", "ReplicasReady")


def test_a_group_waits_until_its_nodes_are_really_free() -> None:
    small = deployment(name="small", replicas=2, model="Qwen3-235B-A22B")
    state = world(small, there=nodes(2))
    rest(state)
    state.drains = False
    state.deployments = {NamespacedName("bank", "flagship"): deployment(**FLAGSHIP)}
    for item in state.workloads.values():
        item.stored["metadata"]["deletionTimestamp"] = "now"
    state.step()
    made = state.plan()
    assert kinds(made) == ["Create"], "the Service only"
    assert "1 wait until whole nodes are free" in condition(made, "Ready", NamespacedName("bank", "flagship"))["message"]
    state.drains = True
    assert ready(rest(state), NamespacedName("bank", "flagship")) == (1, "True", "ReplicasReady")


def test_a_group_that_stays_partly_bound_is_given_up_after_a_minute() -> None:
    state = world(deployment(**FLAGSHIP), there=nodes(2))
    state.apply(state.plan())
    guest = pod(name="guest", node="ascend-a-1")
    state.foreign[guest.key] = guest
    state.step()
    key = NamespacedName("bank", "flagship")
    assert [bool(item.node) for item in state.pods] == [True, False]
    assert not state.plan().actions, "not at once"
    for _ in range(3):
        state.step()
    made = state.plan()
    assert kinds(made) == ["Delete"]
    assert ready(made, key)[1:] == ("False", "InsufficientDevices")
    made = rest(state)
    assert not state.pods
    del state.foreign[guest.key]
    assert ready(rest(state), key) == (1, "True", "ReplicasReady")


def until(state: World, seconds: float) -> Plan:
    """Plan and carry out for so long; the next plan."""
    end = state.now_seconds + seconds
    while state.now_seconds < end:
        state.apply(state.plan())
        state.step()
    return state.plan()


def test_a_group_that_the_scheduler_does_not_bind_holds_no_nodes_and_is_tried_again_now_and_then() -> None:
    """Its nodes have free devices and one has a taint: only the scheduler knows."""
    state = world(deployment(**FLAGSHIP), there=nodes(2), tainted={"ascend-a-1"})
    flagship = NamespacedName("bank", "flagship")
    made = until(state, 120)
    assert [bool(item.node) for item in state.pods] == [True, False]
    assert ready(made, flagship)[1:] == ("False", "Unschedulable")
    assert "only part of a group: Insufficient devices" in condition(made, "Placed", flagship)["message"]
    assert not made.actions, "what is not written down would be tried again at once"
    created = Counter[float]()
    for _ in range(60):
        made = until(state, 30)
        created.update({item.created_seconds: 1 for item in state.pods})
        assert ready(made, flagship)[2] in ("Unschedulable", "ReplicaStarting")
    assert 3 <= len(created) <= 7, "half an hour"
    state.tainted.clear()
    assert ready(until(state, 360), flagship) == (1, "True", "ReplicasReady")


def test_others_use_the_nodes_of_a_group_that_the_scheduler_does_not_bind() -> None:
    state = world(deployment(**FLAGSHIP), there=nodes(2), tainted={"ascend-a-1"})
    until(state, 240)
    other = deployment(replicas=8, priority="P3")
    state.deployments[other.key] = other
    assert ready(until(state, 60))[0] == 8


def test_a_group_that_the_scheduler_does_not_bind_is_started_on_another_pool() -> None:
    state = world(
        deployment(pools=["ascend-a", "ascend-b"], **FLAGSHIP),
        pools=(pool(), pool(name="ascend-b")),
        there=(*nodes(2), *nodes(2, pool="ascend-b")),
        tainted={"ascend-a-1"},
    )
    made = until(state, 240)
    assert ready(made, NamespacedName("bank", "flagship")) == (1, "True", "ReplicasReady")
    assert {item.node for item in state.pods} == {"ascend-b-0", "ascend-b-1"}


def test_an_edit_is_tried_at_once_though_the_scheduler_has_just_refused() -> None:
    state = world(deployment(**FLAGSHIP), there=nodes(2), tainted={"ascend-a-1"})
    flagship = NamespacedName("bank", "flagship")
    until(state, 240)
    assert not state.pods
    state.tainted.clear()
    edit(state, flagship, model="DeepSeek-R1", maxModelLen=8192)
    assert ready(until(state, 60), flagship)[0] == 1


def test_a_running_group_is_not_given_up_for_one_that_lost_a_node() -> None:
    """LeaderWorkerSets remove the group of the highest number: to shrink one would end the group that serves."""
    state = world(deployment(replicas=2, **FLAGSHIP), there=nodes(4))
    rest(state)
    key = NamespacedName("bank", "flagship")
    (item,) = state.workloads.values()
    lost = next(found.node for found in item.pods if found.group == "0")
    del state.nodes[lost]
    item.pods = [found for found in item.pods if found.node != lost]
    assert lowest_ready(state, key) == 1
    assert any(found.ready and found.group == "1" for found in item.pods)


def lose_a_node_of(state: World, group: str) -> str:
    """Take a node away from a group of the only workload; its name."""
    (item,) = state.workloads.values()
    lost = next(found.node for found in item.pods if found.group == group)
    del state.nodes[lost]
    item.pods = [found for found in item.pods if found.node != lost]
    return lost


def test_a_group_that_serves_stays_while_fewer_are_wanted_and_one_of_a_lower_number_does_not_serve() -> None:
    state = world(deployment(replicas=2, **FLAGSHIP), there=nodes(4))
    rest(state)
    flagship = NamespacedName("bank", "flagship")
    lost = lose_a_node_of(state, "0")
    rest(state)
    edit(state, flagship, replicas=1, model="DeepSeek-R1")
    assert lowest_ready(state, flagship) == 1
    state.nodes[lost] = node(name=lost)
    assert lowest_ready(state, flagship) == 1
    assert {found.group for found in state.pods} == {"0"}, "the one of the higher number goes when the other serves"


def test_a_group_that_starts_does_not_end_one_of_a_higher_number_that_serves() -> None:
    state = world(deployment(replicas=2, **FLAGSHIP), there=nodes(4))
    rest(state)
    (item,) = state.workloads.values()
    item.pods = [replace(found, ready=found.group == "1") for found in item.pods]
    state.starts = False
    flagship = NamespacedName("bank", "flagship")
    edit(state, flagship, replicas=1, model="DeepSeek-R1")
    assert lowest_ready(state, flagship) == 1
    state.starts = True
    assert lowest_ready(state, flagship) == 1
    assert {found.group for found in state.pods} == {"0"}


def test_a_serving_group_of_an_old_workload_stays_until_the_new_one_serves() -> None:
    state = world(deployment(replicas=2, **FLAGSHIP), there=nodes(6))
    rest(state)
    flagship = NamespacedName("bank", "flagship")
    lose_a_node_of(state, "0")
    state.nodes = {name: found for name, found in state.nodes.items() if name in {item.node for item in state.pods}}
    rest(state)
    state.nodes |= {name: node(name=name) for name in ("new-0", "new-1")}
    state.starts = False
    edit(state, flagship, replicas=1, model="DeepSeek-R1", quantization="W4A8")
    assert lowest_ready(state, flagship) == 1
    state.starts = True
    assert lowest_ready(state, flagship) == 1
    assert len(state.workloads) == 1


@pytest.mark.parametrize(("broken", "left"), [("0", {"0", "1"}), ("1", {"0"})])
def test_of_groups_that_nothing_can_replace_those_go_that_hold_nodes_in_vain(broken: str, left: set[str]) -> None:
    """But not from under one of a higher number that serves."""
    state = world(deployment(replicas=2, **FLAGSHIP), there=nodes(4))
    rest(state)
    lose_a_node_of(state, broken)
    edit(state, NamespacedName("bank", "flagship"), replicas=2, model="Unheard-of")
    made = until(state, 240)
    assert ready(made, NamespacedName("bank", "flagship")) == (1, "False", "ModelUnknown")
    assert {item.group for item in state.pods} == left
    other = deployment(priority="P0")
    state.deployments[other.key] = other
    assert ready(until(state, 60))[0] == (broken == "1")


def test_groups_need_the_leader_worker_set_api_and_hold_nothing_meanwhile() -> None:
    batch = deployment(name="batch", priority="P3", replicas=2)
    state = world(batch, there=nodes(2), leader_worker_sets=False)
    rest(state)
    state.deployments[NamespacedName("bank", "flagship")] = deployment(priority="P0", **FLAGSHIP)
    made = state.plan()
    assert not [action for action in made.actions if isinstance(action, SetDeletionCost | Delete | Apply | Scale)]
    assert ready(made, NamespacedName("bank", "flagship"))[1:] == ("False", "LeaderWorkerSetMissing")
    assert ready(rest(state), NamespacedName("bank", "batch"))[0] == 2


def test_a_group_without_its_controller_starts_and_keeps_others_off_its_nodes() -> None:
    state = world(deployment(**FLAGSHIP), there=nodes(2))
    state.apply(state.plan())
    flagship = NamespacedName("bank", "flagship")
    (item,) = state.workloads.values()
    item.pods = []
    made = state.plan()
    assert not made.actions
    assert ready(made, flagship)[1:] == ("False", "ReplicaStarting")
    assert made.new_devices == {"ascend-a": 16}


def test_without_the_leader_worker_set_api_a_pool_that_needs_no_group_serves() -> None:
    pools = (pool(), pool(name="a3", accelerator="a3-die-64g"))
    there = (*nodes(2), *nodes(1, pool="a3", devices=16))
    state = world(deployment(pools=["ascend-a", "a3"], **FLAGSHIP), pools=pools, there=there, leader_worker_sets=False)
    assert ready(rest(state), NamespacedName("bank", "flagship")) == (1, "True", "ReplicasReady")


def test_a_group_that_only_waited_can_be_displaced_without_loss_to_those_that_run() -> None:
    """P0 needs three nodes, two of which a waiting group of P2 was to get; its running group must stay."""
    flagship = NamespacedName("bank", "flagship")
    state = world(deployment(replicas=1, **FLAGSHIP), there=nodes(5))
    rest(state)
    free = sorted(set(state.nodes) - {item.node for item in state.pods})
    batch = deployment(name="batch", priority="P3", replicas=1, pools=[{"name": "ascend-a", "parallelism": {"tensor": 8}}])
    leaving = [pod(name=f"old-{name}", node=name, devices=8, workload="gone", deleting=True) for name in free[:2]]
    state.foreign |= {item.key: item for item in leaving}
    state.deployments[batch.key] = batch
    rest(state, rounds=3) if not leaving else state.apply(state.plan())
    state.step()
    edit(state, flagship, replicas=2, model="DeepSeek-R1")
    urgent = deployment(
        name="urgent",
        priority="P0",
        model="DeepSeek-R1",
        pools=[{"name": "ascend-a", "parallelism": {"tensor": 8, "pipeline": 3}}],
    )
    state.deployments[urgent.key] = urgent
    made = state.plan()
    shrunk = [
        action
        for action in made.actions
        if isinstance(action, Apply | Delete | Scale) and action.deployment == flagship and action.key != flagship
    ]
    assert shrunk == []


def test_nodes_of_another_size_make_another_workload_not_another_kind_of_the_same_name() -> None:
    cut = [{"name": "ascend-a", "parallelism": {"tensor": 8, "pipeline": 2}}]
    state = world(deployment(model="DeepSeek-R1", pools=cut), pools=[pool(accelerator="a3-die-64g")], there=nodes(2))
    rest(state)
    before = list(state.workloads)
    state.nodes["large"] = node(name="large", devices=16)
    assert lowest_ready(state) == 1
    assert list(state.workloads) == before, "a node of another size changes no layout that runs"
    for name in ("ascend-a-0", "ascend-a-1"):
        del state.nodes[name]
    state.workloads[before[0]].pods.clear()
    rest(state)
    assert [item.stored["kind"] for item in state.workloads.values()] == ["Deployment"]
    assert list(state.workloads) != before
