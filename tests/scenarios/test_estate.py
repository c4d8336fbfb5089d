"""State in, plan out: pools, nodes and limits that change under what runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from factories import ASCEND, deployment, node, nodes, pod, pool
from modelmatrix.planning.snapshot.views import NamespacedName
from scenarios.changing import FLAGSHIP, KEY, condition, edit, lowest_ready, ready, world
from scenarios.world import rest


def test_replicas_of_a_deleted_pool_go_on_while_nothing_else_can_serve() -> None:
    state = world(deployment(replicas=2))
    rest(state)
    del state.pools["ascend-a"]
    made = rest(state)
    assert ready(made) == (2, "False", "PoolNotFound")


def test_replicas_of_a_deleted_pool_move_to_another_before_they_stop() -> None:
    pools = (pool(), pool(name="ascend-b"))
    state = world(
        deployment(replicas=2, pools=["ascend-a", "ascend-b"]), pools=pools, there=(*nodes(1), *nodes(1, pool="ascend-b"))
    )
    rest(state)
    del state.pools["ascend-a"]
    assert lowest_ready(state) == 2
    assert {item.node for item in state.pods} == {"ascend-b-0"}


def test_a_replica_of_a_lost_node_is_placed_anew() -> None:
    state = world(deployment(replicas=2), there=nodes(2), guests=[pod(name="guest", node="ascend-a-0", devices=7)])
    rest(state)
    lost = {item.node for item in state.pods} - {"ascend-a-0"}
    for name in lost:
        del state.nodes[name]
    for item in state.workloads.values():
        item.pods = [found for found in item.pods if found.node not in lost]
    made = rest(state)
    assert ready(made) == (1, "False", "InsufficientDevices")
    assert "1 of 2 replicas find no devices" in condition(made, "Placed")["message"]
    state.nodes["new"] = node(name="new")
    assert ready(rest(state)) == (2, "True", "ReplicasReady")


def test_what_runs_on_a_cordoned_node_stays_and_nothing_new_comes() -> None:
    state = world(deployment(replicas=1))
    rest(state)
    state.nodes["ascend-a-0"] = replace(state.nodes["ascend-a-0"], schedulable=False)
    edit(state, replicas=2)
    made = rest(state)
    assert ready(made) == (1, "False", "InsufficientDevices")
    assert "1 node cordoned or not ready" in condition(made, "Placed")["message"]


def test_a_cut_of_the_limit_takes_replicas_of_the_lowest_priority() -> None:
    state = world(deployment(replicas=4), deployment(name="urgent", priority="P0", replicas=2), pools=[pool(limit=8)])
    rest(state)
    state.pools["ascend-a"] = replace(pool(limit=4), status=state.pools["ascend-a"].status)
    made = rest(state)
    assert ready(made, NamespacedName("bank", "urgent"))[0] == 2
    assert ready(made)[0] == 2
    assert "the pool's limit of 4 leaves 0; raise spec.limits.devices" in condition(made, "Placed")["message"]


def test_a_limit_counts_what_runs_of_specs_that_cannot_be_read() -> None:
    state = world(deployment(name="broken", replicas=3), pools=[pool(limit=4)])
    rest(state)
    broken = NamespacedName("bank", "broken")
    state.deployments[broken] = replace(state.deployments[broken], spec=None, error="spec.model: Field required", generation=9)
    state.deployments[KEY] = deployment(replicas=4)
    assert ready(rest(state))[0] == 1
    assert sum(item.devices[ASCEND] for item in state.pods) == 4


def test_a_limit_counts_old_replicas_while_new_ones_start() -> None:
    state = world(deployment(replicas=2), pools=[pool(limit=4)], there=nodes(2))
    rest(state)
    edit(state, replicas=2, quantization="BF16")  # four devices in all, two more are held until they serve
    for _ in range(30):
        state.apply(state.plan())
        state.step()
        assert sum(item.devices[ASCEND] for item in state.pods) <= 4
    assert ready(rest(state)) == (2, "True", "ReplicasReady")


def test_a_node_of_another_chip_counts_for_nothing() -> None:
    state = world(deployment(), there=[node(labels={"node.kubernetes.io/npu.chip.name": "310P3"})])
    made = rest(state)
    assert ready(made)[1:] == ("False", "NodesMismatch")


@pytest.mark.parametrize("chip", ["910B3", None], ids=["labelled", "without the label"])
@pytest.mark.parametrize("spec", [{"name": "assistant"}, FLAGSHIP], ids=["one node", "a group"])
def test_no_pod_goes_to_a_node_of_another_chip_though_the_pool_selects_it(spec: dict[str, Any], chip: str | None) -> None:
    label = "node.kubernetes.io/npu.chip.name"
    own = [node(name=name, labels={label: chip} if chip else {}) for name in ("b", "c")]
    state = world(deployment(**spec), there=[node(name="a", labels={label: "310P3"}), *own], best_fit=False)
    assert ready(rest(state), NamespacedName("bank", spec["name"])) == (1, "True", "ReplicasReady")
    assert "a" not in {item.node for item in state.pods}


def test_a_missing_runtime_class_is_said_before_pods_are_rejected() -> None:
    state = world(deployment(), pools=[pool(runtimeClassName="ascend")])
    made = state.plan()
    assert not made.actions
    assert ready(made)[1:] == ("False", "RuntimeClassMissing")
    state.runtime_classes = frozenset({"ascend"})
    assert ready(rest(state)) == (1, "True", "ReplicasReady")
