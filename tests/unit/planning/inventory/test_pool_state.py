"""Pools: which nodes count, which devices are free, and the words of the Ready condition for everything that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from factories import deployment, node, nodes, pod, pool, snapshot
from modelmatrix.planning.plan import Plan, plan
from modelmatrix.planning.snapshot.views import NodeView, PodView, PoolView


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
