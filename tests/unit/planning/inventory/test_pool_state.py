"""Pools: which nodes count, which devices are free, and the words of the Ready condition for everything that is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import NOW, deployment, node, nodes, pod, pool, snapshot
from modelmatrix.planning.plan import Plan, plan
from modelmatrix.planning.snapshot.views import Compute, NodeView, PodView, PoolView, Taint


def looked_at(*pools: PoolView, there: tuple[NodeView, ...] = (), pods: tuple[PodView, ...] = (), **fields: Any) -> Plan:
    return plan(snapshot(pools=pools or (pool(),), nodes=there, pods=pods, **fields))


def ready(made: Plan, name: str = "ascend-a") -> tuple[str, str, str]:
    """Status, reason and message of a pool's Ready condition."""
    found = next(item for item in made.pool_statuses[name]["conditions"] if item["type"] == "Ready")
    return found["status"], found["reason"], found["message"]


def test_a_pool_in_order_says_what_it_has() -> None:
    assert ready(looked_at(there=nodes(2))) == ("True", "PoolReady", "2 nodes with 16 devices 910b-64g")


def test_sick_devices_are_counted_and_their_nodes_named() -> None:
    made = looked_at(there=(node(name="n0"), node(name="n1", healthy=6), node(name="n2", healthy=7)))
    assert ready(made) == ("True", "DevicesUnhealthy", "3 devices are unhealthy on n1, n2: repair them")
    assert made.pool_statuses["ascend-a"]["devices"] == {"total": 24, "allocated": 0, "free": 21, "unhealthy": 3}


def test_a_pool_without_nodes_says_which_labels_it_looked_for() -> None:
    made = looked_at(pool(nodeSelector={"zone": "b", "chip": "910b"}), there=nodes(1))
    assert ready(made)[1:] == (
        "NodesMismatch",
        "no node has the labels chip=910b, zone=b: label the nodes or correct nodeSelector",
    )


def test_a_pool_whose_nodes_are_lost_in_a_what_if_plan_needs_no_label() -> None:
    assert ready(looked_at(lost_nodes=nodes(1)))[1:] == ("NodesLost", "this plan assumes that all its nodes are lost")
    assert ready(looked_at())[1] == "NodesMissing"


def test_a_node_must_have_every_label_of_the_selector() -> None:
    wanted = pool(nodeSelector={"chip": "910b", "zone": "b"})
    there = (node(name="n0", labels={"chip": "910b", "zone": "a"}), node(name="n1", labels={"chip": "910b", "zone": "b"}))
    assert [item.name for item in looked_at(wanted, there=there).pools["ascend-a"].nodes] == ["n1"]


def test_a_node_of_two_pools_counts_for_neither_and_both_are_told() -> None:
    made = looked_at(pool(), pool(name="other", nodeSelector={"modelmatrix.io/pool": "ascend-a"}), there=nodes(1))
    for name, other in (("ascend-a", "other"), ("other", "ascend-a")):
        assert ready(made, name) == (
            "False",
            "PoolOverlap",
            f"node ascend-a-0 also matches {other}; it counts for neither: narrow nodeSelector",
        )
        assert made.pools[name].nodes == ()


@pytest.mark.parametrize(
    ("count", "who"),
    [
        (1, "node ascend-a-0 offer"),
        (3, "nodes ascend-a-0, ascend-a-1, ascend-a-2 offer"),
        (5, "nodes ascend-a-0, ascend-a-1, ascend-a-2 and 2 more offer"),
    ],
)
def test_nodes_without_devices_are_named_up_to_three(count: int, who: str) -> None:
    status, reason, message = ready(looked_at(there=nodes(count, devices=0)))
    assert (status, reason) == ("False", "NodesMismatch")
    assert message == f"{who} no huawei.com/Ascend910: check the device plugin and spec.resourceName"


def test_who_wants_devices_of_nodes_that_offer_none_is_sent_to_the_device_plugin() -> None:
    made = looked_at(there=nodes(2, devices=0), deployments=(deployment(),))
    (status,) = made.statuses.values()
    (candidate,) = status["candidates"]
    assert (candidate["verdict"], candidate["reason"]) == ("NoCapacity", "InsufficientDevices")
    words = "its nodes offer no huawei.com/Ascend910: check the device plugin and spec.resourceName"
    assert candidate["message"] == words
    placed = next(item for item in status["conditions"] if item["type"] == "Placed")
    assert placed["message"] == f"1 of 1 replicas find no devices. ascend-a: {words}"


@pytest.mark.parametrize(
    ("fields", "reason", "words"),
    [
        ({"spec": None}, "Misconfigured", "spec: junk"),
        ({"accelerator": "tpu"}, "AcceleratorUnknown", "accelerator 'tpu' is unknown; known are 310p3-24g, "),
        ({"runtimeClassName": "ascend"}, "RuntimeClassMissing", "RuntimeClass 'ascend' does not exist"),
    ],
)
def test_what_is_wrong_with_the_pool_itself_is_said(fields: dict[str, Any], reason: str, words: str) -> None:
    status, found, message = ready(looked_at(pool(**fields), there=nodes(1)))
    assert (status, found) == ("False", reason)
    assert message.startswith(words)


def test_devices_of_pods_that_end_are_free_for_the_plan_and_not_yet_for_others() -> None:
    ours = pod(name="ours", node="ascend-a-0", devices=3, workload="gone", deleting=True)
    theirs = pod(name="theirs", node="ascend-a-0", devices=2, deleting=True)
    made = looked_at(there=nodes(1), pods=(ours, theirs, pod(name="nowhere", devices=8)))
    assert made.pool_statuses["ascend-a"]["devices"] == {"total": 8, "allocated": 5, "free": 3, "unhealthy": 0}
    (found,) = made.pools["ascend-a"].nodes
    assert found.free == 6, "nobody knows how long a pod of others takes to end"


@pytest.mark.parametrize(
    ("chip", "labels", "words"),
    [
        ("910b-64g", {"mind-cluster/npu-chip-memory": "64G"}, None),
        ("910b-64g", {"mind-cluster/npu-chip-memory": "32G"}, "mind-cluster/npu-chip-memory=32G, 910b-64g has 65536 MiB"),
        ("310p3-duo-48g", {"mind-cluster/npu-chip-memory": "48G"}, None),
        ("310p3-duo-48g", {"mind-cluster/npu-chip-memory": "24G"}, "npu-chip-memory=24G, 310p3-duo-48g has 44280 MiB"),
        ("h20-96g", {"nvidia.com/gpu.memory": "97871"}, None),
        ("h20-96g", {"nvidia.com/gpu.memory": "143771"}, "nvidia.com/gpu.memory=143771, h20-96g has 97871 MiB"),
        ("h20-96g", {"nvidia.com/gpu.memory": "plenty"}, None),
        ("h20-96g", {"nvidia.com/gpu.product": "NVIDIA-H100"}, "nvidia.com/gpu.product=NVIDIA-H100, h20-96g has NVIDIA-H20"),
    ],
)
def test_a_node_whose_labels_name_another_chip_or_memory_counts_for_nothing(
    chip: str, labels: dict[str, str], words: str | None
) -> None:
    wanted = pool(accelerator=chip)
    assert wanted.spec is not None
    made = looked_at(wanted, there=(node(labels=labels, resource=wanted.spec.resource_name),))
    status, reason, message = ready(made)
    if words is None:
        assert (status, reason) == ("True", "PoolReady")
    else:
        assert (status, reason, made.pools["ascend-a"].nodes) == ("False", "NodesMismatch", ())
        assert words in message
        assert message.endswith("it counts for nothing: correct spec.accelerator or the node's pool label")


TRAINING = Taint("dedicated", "training", "NoSchedule")


def test_a_tainted_node_takes_nothing_new_and_its_pool_says_what_to_do() -> None:
    holds = pod(name="ours", node="n0", devices=2, workload="gone")
    made = looked_at(there=(node(name="n0", taints=(TRAINING,)), node(name="n1")), pods=(holds,))
    assert ready(made)[:2] == ("True", "NodesTainted")
    assert ready(made)[2] == (
        "node n0 has the taint dedicated=training:NoSchedule and takes no new replicas: add a toleration to the pool's "
        "spec.tolerations, or remove the taint"
    )
    first, second = made.pools["ascend-a"].nodes
    assert (first.usable, first.free, first.used) == (False, 0, 2), "what runs there counts"
    assert (second.usable, second.free) == (True, 8)
    status = made.pool_statuses["ascend-a"]
    assert status["nodes"] == {"total": 2, "ready": 2, "usable": 1}
    assert status["devices"] == {"total": 16, "allocated": 2, "free": 8, "unhealthy": 0}


def test_a_pool_all_of_whose_nodes_are_tainted_is_not_ready() -> None:
    made = looked_at(there=tuple(node(name=f"n{number}", taints=(TRAINING,)) for number in range(2)))
    assert ready(made)[:2] == ("False", "NodesTainted")
    assert ready(made)[2].startswith("nodes n0, n1 have the taint dedicated=training:NoSchedule and take no new replicas")


def test_a_taint_that_the_pool_tolerates_does_not_matter() -> None:
    tolerant = pool(tolerations=[{"key": "dedicated", "operator": "Exists"}])
    assert ready(looked_at(tolerant, there=(node(taints=(TRAINING,)),)))[:2] == ("True", "PoolReady")


def test_a_taint_of_kubernetes_itself_needs_no_toleration() -> None:
    pressed = node(taints=(Taint("node.kubernetes.io/disk-pressure", "", "NoSchedule"),))
    assert ready(looked_at(there=(pressed, node(name="n1"))))[2].endswith("Kubernetes removes it when the node has recovered")
    gone = node(taints=(Taint("node.kubernetes.io/unschedulable", "", "NoSchedule"),), schedulable=False)
    assert ready(looked_at(there=(gone, node(name="n1"))))[1] == "PoolReady", "a cordoned node is said in the counts"


@pytest.mark.parametrize("size", [0, 4])
def test_a_node_that_offers_no_devices_counts_with_the_pools_shape(size: int) -> None:
    shape = {"accelerator": "910b-64g", "resourceName": "huawei.com/Ascend910", "devicesPerNode": size}
    seen = pool(status={"shape": shape} if size else {})
    made = looked_at(seen, there=nodes(2, devices=0), pods=(pod(name="ours", node="ascend-a-0", devices=4, workload="gone"),))
    status = made.pool_statuses["ascend-a"]
    assert status["devices"] == {"total": 2 * size, "allocated": 4, "free": 0, "unhealthy": 0}
    assert status["nodes"] == {"total": 2, "ready": 2, "usable": 0}
    assert status.get("shape") == (shape if size else None)
    assert ready(made)[:2] == ("False", "NodesMismatch")
    assert made.pools["ascend-a"].devices_per_node == (size or 8), "unseen nodes have the size of the chip's servers"


def test_a_node_of_another_size_is_named_and_changes_no_shape() -> None:
    before = looked_at(there=nodes(2, devices=4))
    seen = pool(status=before.pool_statuses["ascend-a"])
    made = looked_at(seen, there=(*nodes(2, devices=4), node(name="large", devices=8)))
    assert made.pools["ascend-a"].devices_per_node == 4
    assert ready(made)[:2] == ("True", "NodesMismatch")
    assert ready(made)[2] == (
        "node large has 8 devices, the pool's nodes have 4: layouts follow the pool's; give nodes of another size a pool of "
        "their own"
    )
    assert made.pool_statuses["ascend-a"]["shape"] == seen.status["shape"]


def test_a_pod_that_should_have_ended_holds_its_devices_and_is_named() -> None:
    held = pod(name="ours", node="ascend-a-0", devices=3, workload="gone", deleting=True, grace_ends_seconds=NOW - 61)
    made = looked_at(there=nodes(1), pods=(held,))
    assert made.pools["ascend-a"].nodes[0].free == 5
    assert ready(made)[:2] == ("True", "TerminationOverdue")
    assert ready(made)[2] == (
        "pod bank/ours should have ended by 2026-09-21T14:12:19Z and holds 3 devices of node ascend-a-0: see its finalizers "
        "and the node's kubelet, or delete it by force when the node is off"
    )
    assert made.due_seconds is None


def test_a_pod_within_its_grace_is_free_soon_and_the_plan_is_due_when_it_should_have_ended() -> None:
    early, late = (
        pod(name=name, node="ascend-a-0", devices=3, workload="gone", deleting=True, grace_ends_seconds=ends)
        for name, ends in (("early", NOW - 59), ("late", NOW + 100))
    )
    made = looked_at(there=nodes(1), pods=(late, early))
    assert made.pools["ascend-a"].nodes[0].free == 8
    assert made.due_seconds == NOW + 1
    faster = looked_at(there=nodes(1), pods=(late, early), time_scale=10.0, real_seconds=NOW)
    assert (faster.pools["ascend-a"].nodes[0].free, faster.due_seconds) == (5, NOW + 106), "time runs ten times as fast"


def test_pods_of_others_hold_their_devices_by_name_and_a_borrowed_class_is_seen() -> None:
    theirs = pod(name="job", namespace="others", node="ascend-a-0", devices=3, priority_class="modelmatrix-p0")
    made = looked_at(there=nodes(1), pods=(theirs, pod(name="plain", namespace="others", node="ascend-a-0", devices=1)))
    (found,) = made.pools["ascend-a"].nodes
    assert [(str(holder.pod), holder.devices, holder.priority_class) for holder in found.foreign] == [
        ("others/job", 3, "modelmatrix-p0"),
        ("others/plain", 1, ""),
    ]
    assert ready(made)[:2] == ("True", "PriorityBorrowed")
    assert ready(made)[2] == (
        "PriorityClasses of this operator are used by pod others/job: only pods of this operator may use them, give other "
        "pods another class"
    )


COMPUTE = Compute(64_000, 512 * 2**30, 0, 110)


def test_free_devices_are_those_that_cpu_and_memory_serve() -> None:
    background = {"n0": Compute(40_000, 0, 0, 3)}
    holds = pod(name="ours", node="n0", devices=2, workload="gone", requests=Compute(8000, 0, 0, 1))
    made = looked_at(there=(node(name="n0", compute=COMPUTE),), pods=(holds,), background=background)
    (found,) = made.pools["ascend-a"].nodes
    assert (found.free, found.scarce) == (4, ("CPU cores", 16, 64, 2))
    assert made.pool_statuses["ascend-a"]["devices"]["free"] == 6, "the devices themselves are free"
    ends = replace(holds, deleting=True)
    (found,) = looked_at(there=(node(name="n0", compute=COMPUTE),), pods=(ends,), background=background).pools["ascend-a"].nodes
    assert found.free == 6, "a pod that ends gives back its CPU too"


def test_a_shortage_of_cpu_is_said_with_its_numbers() -> None:
    made = looked_at(
        there=(node(name="n0", compute=COMPUTE),),
        background={"n0": Compute(61_000, 0, 0, 3)},
        deployments=(deployment(),),
    )
    (status,) = made.statuses.values()
    assert status["candidates"][0]["message"] == (
        "a replica needs 1 device, 4 CPU cores and 16 GiB of memory on one node; node n0 has the devices, but only 3 of 64 CPU "
        "cores free: move other pods away from it, or lower their requests"
    )


def test_a_node_with_a_preference_against_it_is_the_last_choice() -> None:
    against = node(name="a-first", taints=(Taint("spot", "", "PreferNoSchedule"),))
    made = looked_at(there=(against, node(name="b-second")), deployments=(deployment(replicas=9),))
    (placed,) = made.deployments.values()
    assert sorted(placed.placements[0].new_nodes) == [("a-first",), *[("b-second",)] * 8]
    assert ready(made)[1] == "PoolReady"


compute = st.none() | st.builds(Compute, st.integers(0, 64_000), st.integers(0, 512 * 2**30), st.just(0), st.integers(0, 20))
held = st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["ours", "ours, deleting", "theirs"])), max_size=4)


@given(compute, held, st.integers(0, 8), st.lists(st.sampled_from([TRAINING, Taint("spot", "", "NoExecute")]), unique=True))
def test_never_more_is_free_than_what_is_left_and_a_taint_frees_nothing(
    offered: Compute | None, pods: list[tuple[int, str]], healthy: int, taints: list[Taint]
) -> None:
    views = tuple(
        pod(
            name=f"p{number}",
            node="n0",
            devices=count,
            requests=Compute(4000 * count, 0, 0, 1),
            workload="w" if whose.startswith("ours") else "",
            deleting=whose.endswith("deleting"),
        )
        for number, (count, whose) in enumerate(pods)
    )
    bare, tainted = (
        looked_at(there=(node(name="n0", healthy=healthy, compute=offered, taints=tuple(some)),), pods=views).pools["ascend-a"]
        for some in ((), taints)
    )
    leaving = sum(count for count, whose in pods if whose.endswith("deleting"))
    left = healthy - sum(count for count, _ in pods) + leaving
    assert bare.nodes[0].free <= left
    assert max(0, tainted.nodes[0].free) <= max(0, bare.nodes[0].free)
    assert (bare.total, bare.allocated, bare.unhealthy) == (tainted.total, tainted.allocated, tainted.unhealthy)
