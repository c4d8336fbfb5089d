"""Plan after plan while nodes change: plugin restarts, taints, pods that do not end, CPU that others take."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factories import ASCEND, NVIDIA, deployment, node, nodes, pod, pool
from modelmatrix.planning.snapshot.views import Compute, NamespacedName, Taint
from scenarios.changing import KEY, condition, ready, world
from scenarios.world import World, rest

BOTH = ["ascend-a", "ascend-b"]
NEIGHBOUR = NamespacedName("bank", "neighbour")


def two_pools(replicas: int = 1, *, devices: int = 8) -> World:
    """A P0 that prefers ascend-a, beside a free ascend-b."""
    there = (*nodes(1, devices=devices), *nodes(1, pool="ascend-b"))
    first = deployment(pools=BOTH, priority="P0", replicas=replicas)
    return world(first, pools=[pool(), pool(name="ascend-b")], there=there)


def placed_on(state: World) -> dict[str, int]:
    """Replicas by the node that they are bound to."""
    found: dict[str, int] = {}
    for item in state.pods:
        if not item.deleting:
            found[item.node] = found.get(item.node, 0) + 1
    return found


def test_a_restart_of_the_device_plugin_changes_nothing_that_runs() -> None:
    big = deployment(model="Qwen2.5-72B", quantization="BF16", pools=BOTH, priority="P0")
    other = deployment(name="neighbour", pools=["ascend-b"], priority="P3", replicas=8)
    state = world(big, other, pools=[pool(), pool(name="ascend-b")], there=(*nodes(1, devices=4), *nodes(1, pool="ascend-b")))
    rest(state)
    workloads, pods = list(state.workloads), placed_on(state)
    small = state.nodes["ascend-a-0"]
    for without in ({ASCEND: 0}, {}):
        state.nodes["ascend-a-0"] = replace(small, capacity=without, allocatable=without)
        made = state.plan()
        assert made.actions == ()
        assert ready(made)[1:] == ("True", "ReplicasReady")
        rest(state)
        assert (list(state.workloads), placed_on(state)) == (workloads, pods)
    state.nodes["ascend-a-0"] = small
    assert state.plan().actions == ()


def test_a_restarted_operator_remembers_the_shape_while_the_plugin_is_away() -> None:
    state = world(deployment(model="Qwen2.5-72B", quantization="BF16"), there=nodes(1, devices=4))
    rest(state)
    before = list(state.workloads)
    state.nodes["ascend-a-0"] = node(name="ascend-a-0", devices=0)
    state.cache = type(state.cache)()
    rest(state)
    assert list(state.workloads) == before
    assert state.pools["ascend-a"].status["shape"]["devicesPerNode"] == 4


def test_nothing_new_comes_to_a_node_whose_plugin_is_away() -> None:
    state = two_pools()
    rest(state)
    state.nodes["ascend-a-0"] = node(name="ascend-a-0", devices=0)
    state.deployments[NEIGHBOUR] = deployment(name="neighbour", pools=BOTH)
    rest(state)
    assert placed_on(state) == {"ascend-a-0": 1, "ascend-b-0": 1}


@pytest.mark.parametrize("effect", ["NoSchedule", "NoExecute"])
def test_a_tainted_pool_gives_way_to_the_next_one(effect: str) -> None:
    state = two_pools()
    state.nodes["ascend-a-0"] = node(name="ascend-a-0", taints=(Taint("dedicated", "training", effect),))
    assert ready(rest(state)) == (1, "True", "ReplicasReady")
    assert placed_on(state) == {"ascend-b-0": 1}


def test_what_serves_on_a_node_that_is_tainted_stays_and_the_next_replica_goes_elsewhere() -> None:
    state = two_pools()
    rest(state)
    state.nodes["ascend-a-0"] = node(name="ascend-a-0", taints=(Taint("dedicated", "training", "NoSchedule"),))
    assert state.plan().actions == ()
    state.deployments[KEY] = replace(deployment(pools=BOTH, priority="P0", replicas=2), status=state.deployments[KEY].status)
    assert ready(rest(state)) == (2, "True", "ReplicasReady")
    assert placed_on(state) == {"ascend-a-0": 1, "ascend-b-0": 1}


def test_replicas_that_a_taint_ends_come_back_on_the_next_pool() -> None:
    state = two_pools(replicas=2)
    rest(state)
    assert placed_on(state) == {"ascend-a-0": 2}
    state.nodes["ascend-a-0"] = node(name="ascend-a-0", taints=(Taint("gpu", "broken", "NoExecute"),))
    state.step()
    assert ready(rest(state)) == (2, "True", "ReplicasReady")
    assert placed_on(state) == {"ascend-b-0": 2}


def test_without_another_pool_the_taint_and_the_remedy_are_named() -> None:
    state = world(deployment(), there=[node(name="n0", taints=(Taint("dedicated", "training", "NoSchedule"),))])
    placed = condition(rest(state), "Placed")
    assert placed["reason"] == "InsufficientDevices"
    assert (
        "node n0 has the taint dedicated=training:NoSchedule and takes no new replicas: add a toleration" in placed["message"]
    )
    state.pools["ascend-a"] = pool(tolerations=[{"key": "dedicated", "operator": "Exists"}])
    assert ready(rest(state)) == (1, "True", "ReplicasReady")


def test_nobody_is_displaced_from_a_tainted_node() -> None:
    low = deployment(name="neighbour", pools=["ascend-a"], priority="P3", replicas=8)
    state = world(low)
    rest(state)
    state.nodes["ascend-a-0"] = node(name="ascend-a-0", taints=(Taint("dedicated", "training", "NoSchedule"),))
    state.deployments[KEY] = deployment(priority="P0")
    rest(state)
    assert placed_on(state) == {"ascend-a-0": 8}


def test_pods_that_do_not_end_send_the_next_one_to_the_second_pool_once_their_grace_is_over() -> None:
    state = two_pools()
    state.deployments[NEIGHBOUR] = deployment(name="neighbour", pools=["ascend-a"], replicas=8, created_seconds=1.0)
    waiting = state.deployments.pop(KEY)
    rest(state)
    state.drains, state.grace_seconds = False, 150.0
    state.deployments = {KEY: waiting}
    for item in state.workloads.values():
        item.stored["metadata"]["deletionTimestamp"] = "now"
    state.step()
    made = state.plan()
    assert placed_on_plan(made) == ["ascend-a-0"], "the devices are free in a moment"
    assert made.due_seconds == pytest.approx(state.now_seconds + 150 + 60)
    state.now_seconds = made.due_seconds
    assert ready(rest(state)) == (1, "True", "ReplicasReady")
    assert placed_on(state) == {"ascend-b-0": 1}
    pools = state.plan().pool_statuses
    said = next(item for item in pools["ascend-a"]["conditions"] if item["type"] == "Ready")
    assert (said["status"], said["reason"]) == ("True", "TerminationOverdue")
    assert pools["ascend-a"]["devices"]["free"] == 0


def placed_on_plan(made: object) -> list[str]:
    """Nodes of the replicas that a plan places."""
    deployments = getattr(made, "deployments")  # noqa: B009 - a Plan
    return [name for item in deployments.values() for p in item.placements for names in p.new_nodes for name in names]


def test_cpu_that_others_take_sends_the_next_replica_to_the_second_pool() -> None:
    state = two_pools(replicas=2)
    state.nodes["ascend-a-0"] = node(name="ascend-a-0", compute=Compute(64_000, 2**40, 0, 110))
    state.background = {"ascend-a-0": Compute(57_000, 0, 0, 20)}
    assert ready(rest(state)) == (2, "True", "ReplicasReady")
    assert placed_on(state) == {"ascend-a-0": 1, "ascend-b-0": 1}
    state.background = {"ascend-a-0": Compute(64_000, 0, 0, 20)}
    assert state.plan().actions == (), "what runs stays"


def test_cpu_that_foreign_pods_with_devices_take_counts_too() -> None:
    state = two_pools()
    state.nodes["ascend-a-0"] = node(name="ascend-a-0", compute=Compute(64_000, 2**40, 0, 110))
    guest = pod(name="job", namespace="others", node="ascend-a-0", devices=1, requests=Compute(63_000, 0, 0, 1))
    state.foreign = {guest.key: guest}
    rest(state)
    assert placed_on(state) == {"ascend-b-0": 1}


def test_a_victim_gives_back_its_cpu_with_its_devices() -> None:
    low = deployment(name="neighbour", pools=["ascend-a"], priority="P3", replicas=2)
    tight = node(name="ascend-a-0", compute=Compute(8_000, 2**40, 0, 110))
    state = world(low, there=[tight])
    rest(state)
    state.deployments[KEY] = deployment(priority="P0")
    rest(state)
    assert ready(state.plan()) == (1, "True", "ReplicasReady")
    assert placed_on(state) == {"ascend-a-0": 2}


def test_groups_leave_nodes_out_whose_cpu_others_have() -> None:
    roomy = Compute(64_000, 2**40, 0, 110)
    there = [node(name=f"n{number}", compute=roomy) for number in range(3)]
    state = world(deployment(model="DeepSeek-R1"), there=there)
    state.background = {"n0": Compute(50_000, 0, 0, 20)}
    rest(state)
    assert placed_on(state) == {"n1": 1, "n2": 1}


def test_a_catalogue_of_nvidia_counts_the_same_way() -> None:
    there = [node(name="g0", pool="gpu", resource=NVIDIA, compute=Compute(3_000, 2**40, 0, 110))]
    model = deployment(pools=["gpu"], quantization="FP8")
    state = world(model, pools=[pool(name="gpu", accelerator="h20-96g")], there=there)
    message = condition(rest(state), "Placed")["message"]
    assert "needs 1 device, 4 CPU cores and 16 GiB of memory on one node; node g0 has the devices, but only 3 of 3" in message
