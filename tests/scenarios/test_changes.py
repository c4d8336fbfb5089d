"""State in, plan out: edits, failures and what must go on running meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from factories import ASCEND, NVIDIA, deployment, node, nodes, pod, pool, workload
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.actions import Apply, Create, Delete, Mark, Scale
from modelmatrix.planning.plan import Plan, plan
from modelmatrix.planning.views import DeploymentView, Key, NodeView, PodView, PoolView
from scenarios.world import World, rest

KEY = Key("bank", "assistant")
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


def ready(made: Plan, key: Key = KEY) -> tuple[int, str, str]:
    """Ready replicas, and the status and reason of the Ready condition."""
    status = made.statuses[key]
    condition = next(item for item in status["conditions"] if item["type"] == "Ready")
    return status["readyReplicas"], condition["status"], condition["reason"]


def condition(made: Plan, type_: str, key: Key = KEY) -> dict[str, Any]:
    """A condition of a deployment."""
    return next(item for item in made.statuses[key]["conditions"] if item["type"] == type_)


def kinds(made: Plan) -> list[str]:
    """Names of the actions' types."""
    return [type(action).__name__ for action in made.actions]


def edit(state: World, key: Key = KEY, **fields: Any) -> None:
    """Write a new spec."""
    changed = deployment(name=key.name, **fields)
    state.deployments[key] = replace(changed, status=state.deployments[key].status)


def lowest_ready(state: World, key: Key = KEY, rounds: int = 40) -> int:
    """The fewest replicas that ever serve until there is nothing more to do."""
    lowest = 1000
    for _ in range(rounds):
        made = state.plan()
        lowest = min(lowest, ready(made, key)[0])
        state.apply(made)
        state.step()
    assert not state.plan().actions
    return lowest


# edits


def test_what_changes_no_placement_rolls_in_the_same_workload_with_a_surge() -> None:
    state = world(deployment(replicas=2))
    rest(state)
    names = set(state.workloads)
    edit(state, replicas=2, maxModelLen=8192)
    made = state.plan()
    assert kinds(made) == ["Apply"]
    assert made.actions[0].manifest["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}  # type: ignore[union-attr]
    assert lowest_ready(state) == 2
    assert set(state.workloads) == names


def test_without_room_for_a_surge_a_rollout_replaces_in_place() -> None:
    state = world(deployment(replicas=8))
    rest(state)
    edit(state, replicas=8, maxModelLen=8192)
    assert state.plan().actions[0].manifest["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}  # type: ignore[union-attr]
    assert lowest_ready(state) == 7


def test_a_surge_that_finds_its_room_taken_goes_on_in_place() -> None:
    state = world(deployment(replicas=7))
    rest(state)
    edit(state, replicas=7, maxModelLen=8192)
    state.apply(state.plan())
    guest = pod(name="guest", node="ascend-a-0")
    state.foreign[guest.key] = guest
    state.step()
    made = state.plan()
    assert kinds(made) == ["Apply"]
    assert made.actions[0].manifest["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == 0  # type: ignore[union-attr]
    assert ready(rest(state)) == (7, "True", "ReplicasReady")


def test_the_surge_of_a_single_replica_that_finds_its_room_taken_goes_on_in_place() -> None:
    """Its one new pod counts as updated, though it has no node: the old one beside it says that the rollout goes on."""
    state = world(deployment(), there=nodes(1, devices=2))
    rest(state)
    edit(state, maxModelLen=8192)
    state.apply(state.plan())
    guest = pod(name="guest", node="ascend-a-0")
    state.foreign[guest.key] = guest
    rest(state)
    (item,) = state.workloads.values()
    assert [(found.ready, item.digests[found.uid]) for found in item.pods] == [(True, item.digest)]


def test_the_surge_of_a_single_group_that_finds_its_nodes_taken_goes_on_in_place() -> None:
    state = world(deployment(**FLAGSHIP), there=nodes(4))
    rest(state)
    flagship = Key("bank", "flagship")
    edit(state, flagship, model="DeepSeek-R1", maxModelLen=8192)
    state.apply(state.plan())
    guest = pod(name="guest", node=max(set(state.nodes) - {found.node for found in state.pods}))
    state.foreign[guest.key] = guest
    rest(state)
    (item,) = state.workloads.values()
    assert [(found.ready, item.digests[found.uid]) for found in item.pods] == [(True, item.digest)] * 2


def test_what_changes_the_placement_starts_a_new_workload_before_the_old_one_stops() -> None:
    state = world(deployment(replicas=2), there=nodes(2))
    rest(state)
    (old,) = state.workloads
    edit(state, replicas=2, quantization="BF16")
    first = state.plan()
    assert kinds(first) == ["Create"]
    assert lowest_ready(state) == 2
    assert old not in state.workloads
    assert ready(rest(state)) == (2, "True", "ReplicasReady")


def test_a_new_workload_without_room_gets_the_room_of_the_old_one_replica_by_replica() -> None:
    state = world(deployment(replicas=8))
    rest(state)
    edit(state, replicas=4, quantization="BF16")  # two devices each
    assert "Scale" in kinds(state.plan())
    assert lowest_ready(state) >= 3
    assert ready(rest(state)) == (4, "True", "ReplicasReady")


def test_no_second_old_replica_gives_way_before_the_new_one_serves() -> None:
    """Weights load for minutes, an old pod ends in seconds: to go on at once would leave nobody to serve."""
    state = world(deployment(replicas=8))
    rest(state)
    edit(state, replicas=8, pools=[{"name": "ascend-a", "engine": "SGLang"}], unlisted="Allow")
    state.starts = False
    assert lowest_ready(state) == 7
    state.starts = True
    assert lowest_ready(state) == 7
    assert len(state.workloads) == 1


def test_nothing_is_stopped_for_a_new_pool_that_has_no_room() -> None:
    """The old replicas hold nothing that the new ones could use: to stop them would help nobody."""
    pools = (pool(), pool(name="nvidia-a", accelerator="h20-96g"))
    there = (*nodes(1), *nodes(1, pool="nvidia-a", resource=NVIDIA))
    guest = pod(name="guest", node="nvidia-a-0", devices=8, resource=NVIDIA)
    state = world(deployment(replicas=3), pools=pools, there=there, guests=[guest])
    rest(state)
    edit(state, replicas=3, pools=[{"name": "nvidia-a", "quantization": "FP8"}])
    assert lowest_ready(state) == 3
    made = rest(state)
    assert ready(made)[1:] == ("False", "InsufficientDevices")


def test_nothing_is_stopped_for_a_group_that_would_not_fit_even_then() -> None:
    state = world(deployment(replicas=1), there=nodes(2), guests=[pod(name="guest", node="ascend-a-1")])
    rest(state)
    edit(state, replicas=1, model="DeepSeek-R1")
    assert lowest_ready(state) == 1


def test_what_runs_goes_on_when_an_edit_makes_the_spec_impossible() -> None:
    state = world(deployment(replicas=2))
    rest(state)
    edit(state, replicas=2, quantization="FP8")
    made = rest(state)
    assert ready(made) == (2, "False", "QuantizationUnsupported")
    assert condition(made, "Stalled")["status"] == "True"


def test_what_runs_goes_on_when_an_edit_makes_the_spec_unreadable() -> None:
    state = world(deployment(replicas=2))
    world_status = rest(state)
    state.deployments[KEY] = replace(state.deployments[KEY], spec=None, error="spec.pools: Field required", generation=9)
    made = rest(state)
    assert ready(made) == (2, "False", "Misconfigured")
    assert made.statuses[KEY]["desiredReplicas"] == world_status.statuses[KEY]["desiredReplicas"] == 2
    assert condition(made, "Ready")["message"] == "spec.pools: Field required"


PRICE = {"price": {"amount": "6.80", "currency": "CNY"}}


def held(made: Plan, key: Key = KEY) -> tuple[Any, ...]:
    """What the status says of the devices held: cost, summary, and each placement."""
    said = made.statuses[key]
    placements = [(p["quantization"], p["devicesPerReplica"], p["desired"], p["ready"]) for p in said["placements"]]
    return said.get("costPerHour"), said["placementSummary"], placements


def test_what_runs_is_still_said_while_the_schedule_cannot_be_read() -> None:
    scaling = {"minReplicas": 2, "maxReplicas": 4}
    window = {"name": "day", "start": "0 8 * * *", "end": "0 18 * * *", "timeZone": "Asia/Shangai", "minReplicas": 3}
    state = world(deployment(scaling=scaling), pools=[pool(**PRICE)])
    before = held(rest(state))
    assert before == ("13.60 CNY", "ascend-a/W8A8:2", [("W8A8", 1, 2, 2)])
    edit(state, scaling=scaling | {"schedule": [window]})
    made = rest(state)
    assert ready(made) == (2, "False", "Misconfigured")
    assert held(made) == before


def test_what_runs_is_still_said_while_the_spec_is_impossible() -> None:
    state = world(deployment(replicas=2), pools=[pool(**PRICE)])
    before = rest(state)
    edit(state, replicas=2, quantization="FP8")
    made = rest(state)
    assert ready(made)[1:] == ("False", "QuantizationUnsupported")
    assert held(made) == held(before)
    assert made.statuses[KEY]["placements"] == before.statuses[KEY]["placements"]


def test_old_replicas_are_said_and_paid_until_they_are_gone() -> None:
    state = world(deployment(replicas=2), pools=[pool(**PRICE)], there=nodes(2))
    state.apply(rest(state))
    edit(state, replicas=2, quantization="BF16")
    cost, summary, placements = held(state.plan())
    assert (cost, summary) == ("40.80 CNY", "ascend-a/BF16:2 ascend-a/W8A8:2")
    assert placements == [("BF16", 2, 2, 0), ("W8A8", 1, 2, 2)]
    assert held(rest(state)) == ("27.20 CNY", "ascend-a/BF16:2", [("BF16", 2, 2, 2)])


@pytest.mark.parametrize(
    ("fields", "reason"), [({"suspend": True, "quantization": "FP8"}, "Suspended"), ({"replicas": 0}, "ScaledToZero")]
)
def test_what_is_to_have_no_replica_is_ready_even_where_it_could_have_none(fields: dict[str, Any], reason: str) -> None:
    made = world(deployment(pools=["nowhere"], **fields)).plan()
    assert ready(made) == (0, "True", reason)
    assert {item["type"] for item in made.statuses[KEY]["conditions"]} == {"Ready", "Placed", "SLOMet", "SignalsFresh"}
    assert made.statuses[KEY]["candidates"][0]["verdict"] == "Impossible"


def test_suspending_stops_everything_and_keeps_the_object() -> None:
    state = world(deployment(replicas=2))
    rest(state)
    edit(state, replicas=2, suspend=True)
    assert kinds(state.plan()) == ["Delete"]
    made = rest(state)
    assert ready(made) == (0, "True", "Suspended")
    assert not state.pods
    edit(state, replicas=2)
    assert ready(rest(state)) == (2, "True", "ReplicasReady")


def test_scaling_down_removes_what_does_not_serve_first() -> None:
    state = world(deployment(replicas=3))
    rest(state)
    (item,) = state.workloads.values()
    item.pods[0] = replace(item.pods[0], ready=False)
    edit(state, replicas=2)
    made = state.plan()
    assert kinds(made) == ["Apply"]
    state.apply(made)
    state.step()
    assert ready(state.plan())[0] == 2


def test_an_edit_of_labels_or_priority_applies_to_every_workload() -> None:
    state = world(deployment(replicas=1))
    rest(state)
    edit(state, replicas=1, tenant="cards", priority="P1")
    made = state.plan()
    assert sorted(kinds(made)) == ["Apply", "Apply"], "the Service has the tenant's label too"
    rest(state)
    (item,) = state.workloads.values()
    assert item.stored["metadata"]["labels"]["modelmatrix.io/tenant"] == "cards"
    assert item.spec["template"]["spec"]["priorityClassName"] == "modelmatrix-p1"


def test_a_change_by_hand_is_put_right() -> None:
    state = world(deployment(replicas=2))
    rest(state)
    (item,) = state.workloads.values()
    item.stored = item.stored | {"metadata": item.stored["metadata"] | {"generation": 99}, "spec": item.spec | {"replicas": 5}}
    made = state.plan()
    assert kinds(made) == ["Apply"]
    assert made.actions[0].manifest["spec"]["replicas"] == 2  # type: ignore[union-attr]


def test_a_deleted_service_or_workload_comes_back() -> None:
    state = world(deployment(replicas=1))
    rest(state)
    state.services.clear()
    state.workloads.clear()
    assert kinds(state.plan()) == ["Create", "Create"]
    assert ready(rest(state)) == (1, "True", "ReplicasReady")


def crash_new_pods(state: World) -> None:
    """Pods of the newest template fail again and again."""
    for item in state.workloads.values():
        old = {uid for uid, digest in item.digests.items() if digest != item.digest}
        item.pods = [
            found if found.uid in old else replace(found, ready=False, failing=True, problem="CrashLoopBackOff: exit code 1")
            for found in item.pods
        ]


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_rollout_is_not_ready_until_the_last_new_pod_serves(replicas: int) -> None:
    state = world(deployment(replicas=replicas))
    state.apply(rest(state))
    edit(state, replicas=replicas, maxModelLen=8192)
    for _ in range(3):  # before the write, after it, with the new pod not ready
        made = state.plan()
        assert ready(made) == (replicas, "False", "ReplicaStarting")
        assert f"{replicas} of {replicas} replicas serve, older ones among them" in condition(made, "Reconciling")["message"]
        state.apply(made)
    assert ready(rest(state)) == (replicas, "True", "ReplicasReady")


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_rollout_whose_new_pod_crashes_is_failing_although_the_old_ones_serve(replicas: int) -> None:
    state = world(deployment(replicas=replicas))
    state.apply(rest(state))
    edit(state, replicas=replicas, maxModelLen=8192)
    state.apply(state.plan())
    state.step()
    crash_new_pods(state)
    made = state.plan()
    assert ready(made) == (replicas, "False", "ReplicaFailing")
    assert condition(made, "Reconciling")["message"].endswith("ascend-a: CrashLoopBackOff: exit code 1")


def test_a_rollout_that_a_quota_forbids_quotes_it() -> None:
    state = world(deployment())
    state.apply(rest(state))
    edit(state, maxModelLen=8192)
    state.apply(state.plan())
    snapshot = state.snapshot()
    failed = replace(snapshot.workloads[0], failure="pods are forbidden: exceeded quota")
    made = plan(replace(snapshot, workloads=(failed,)))
    assert ready(made) == (1, "False", "ReplicaFailing")
    assert "exceeded quota" in condition(made, "Ready")["message"]


def test_a_move_whose_new_replicas_crash_is_failing_although_the_retired_ones_serve() -> None:
    state = world(deployment(replicas=2), there=nodes(2))
    state.apply(rest(state))
    edit(state, replicas=2, quantization="BF16")
    assert ready(state.plan()) == (2, "False", "ReplicaStarting")
    state.apply(state.plan())
    state.step()
    new = next(item for item in state.workloads.values() if item.view.quantization == "BF16")
    new.pods = [replace(found, ready=False, failing=True, problem="Error: exit code 1") for found in new.pods]
    assert ready(state.plan()) == (2, "False", "ReplicaFailing")


def test_what_scales_down_stays_ready() -> None:
    state = world(deployment(replicas=3))
    state.apply(rest(state))
    edit(state, replicas=2)
    for _ in range(4):
        made = state.plan()
        assert ready(made)[1:] == ("True", "ReplicasReady")
        state.apply(made)
        state.step()


# pools and nodes


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
    assert ready(made, Key("bank", "urgent"))[0] == 2
    assert ready(made)[0] == 2
    assert "the pool's limit of 4 leaves 0; raise spec.limits.devices" in condition(made, "Placed")["message"]


def test_a_limit_counts_what_runs_of_specs_that_cannot_be_read() -> None:
    state = world(deployment(name="broken", replicas=3), pools=[pool(limit=4)])
    rest(state)
    broken = Key("bank", "broken")
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
    assert ready(rest(state), Key("bank", spec["name"])) == (1, "True", "ReplicasReady")
    assert "a" not in {item.node for item in state.pods}


def test_a_missing_runtime_class_is_said_before_pods_are_rejected() -> None:
    state = world(deployment(), pools=[pool(runtimeClassName="ascend")])
    made = state.plan()
    assert not made.actions
    assert ready(made)[1:] == ("False", "RuntimeClassMissing")
    state.runtime_classes = frozenset({"ascend"})
    assert ready(rest(state)) == (1, "True", "ReplicasReady")


# groups


def test_a_group_whose_pool_loses_a_node_waits_for_devices_and_is_not_impossible() -> None:
    state = world(deployment(**FLAGSHIP), there=nodes(2))
    rest(state)
    key = Key("bank", "flagship")
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
    state.deployments = {Key("bank", "flagship"): deployment(**FLAGSHIP)}
    for item in state.workloads.values():
        item.stored["metadata"]["deletionTimestamp"] = "now"
    state.step()
    made = state.plan()
    assert kinds(made) == ["Create"], "the Service only"
    assert "1 wait until whole nodes are free" in condition(made, "Ready", Key("bank", "flagship"))["message"]
    state.drains = True
    assert ready(rest(state), Key("bank", "flagship")) == (1, "True", "ReplicasReady")


def test_a_group_that_stays_partly_bound_is_given_up_after_a_minute() -> None:
    state = world(deployment(**FLAGSHIP), there=nodes(2))
    state.apply(state.plan())
    guest = pod(name="guest", node="ascend-a-1")
    state.foreign[guest.key] = guest
    state.step()
    key = Key("bank", "flagship")
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
    flagship = Key("bank", "flagship")
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
    assert ready(made, Key("bank", "flagship")) == (1, "True", "ReplicasReady")
    assert {item.node for item in state.pods} == {"ascend-b-0", "ascend-b-1"}


def test_an_edit_is_tried_at_once_though_the_scheduler_has_just_refused() -> None:
    state = world(deployment(**FLAGSHIP), there=nodes(2), tainted={"ascend-a-1"})
    flagship = Key("bank", "flagship")
    until(state, 240)
    assert not state.pods
    state.tainted.clear()
    edit(state, flagship, model="DeepSeek-R1", maxModelLen=8192)
    assert ready(until(state, 60), flagship)[0] == 1


def test_a_running_group_is_not_given_up_for_one_that_lost_a_node() -> None:
    """LeaderWorkerSets remove the group of the highest number: to shrink one would end the group that serves."""
    state = world(deployment(replicas=2, **FLAGSHIP), there=nodes(4))
    rest(state)
    key = Key("bank", "flagship")
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
    flagship = Key("bank", "flagship")
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
    flagship = Key("bank", "flagship")
    edit(state, flagship, replicas=1, model="DeepSeek-R1")
    assert lowest_ready(state, flagship) == 1
    state.starts = True
    assert lowest_ready(state, flagship) == 1
    assert {found.group for found in state.pods} == {"0"}


def test_a_serving_group_of_an_old_workload_stays_until_the_new_one_serves() -> None:
    state = world(deployment(replicas=2, **FLAGSHIP), there=nodes(6))
    rest(state)
    flagship = Key("bank", "flagship")
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
    edit(state, Key("bank", "flagship"), replicas=2, model="Unheard-of")
    made = until(state, 240)
    assert ready(made, Key("bank", "flagship")) == (1, "False", "ModelUnknown")
    assert {item.group for item in state.pods} == left
    other = deployment(priority="P0")
    state.deployments[other.key] = other
    assert ready(until(state, 60))[0] == (broken == "1")


def test_groups_need_the_leader_worker_set_api_and_hold_nothing_meanwhile() -> None:
    batch = deployment(name="batch", priority="P3", replicas=2)
    state = world(batch, there=nodes(2), leader_worker_sets=False)
    rest(state)
    state.deployments[Key("bank", "flagship")] = deployment(priority="P0", **FLAGSHIP)
    made = state.plan()
    assert not [action for action in made.actions if isinstance(action, Mark | Delete | Apply | Scale)]
    assert ready(made, Key("bank", "flagship"))[1:] == ("False", "LeaderWorkerSetMissing")
    assert ready(rest(state), Key("bank", "batch"))[0] == 2


def test_without_the_leader_worker_set_api_a_pool_that_needs_no_group_serves() -> None:
    pools = (pool(), pool(name="a3", accelerator="a3-die-64g"))
    there = (*nodes(2), *nodes(1, pool="a3", devices=16))
    state = world(deployment(pools=["ascend-a", "a3"], **FLAGSHIP), pools=pools, there=there, leader_worker_sets=False)
    assert ready(rest(state), Key("bank", "flagship")) == (1, "True", "ReplicasReady")


def test_a_group_that_only_waited_can_be_displaced_without_loss_to_those_that_run() -> None:
    """P0 needs three nodes, two of which a waiting group of P2 was to get; its running group must stay."""
    flagship = Key("bank", "flagship")
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
    state.nodes["large"] = node(name="large", devices=16)
    assert lowest_ready(state) == 1
    assert [item.stored["kind"] for item in state.workloads.values()] == ["Deployment"]


# conflicts


def test_an_object_of_our_name_that_is_not_ours_is_left_alone() -> None:
    state = world(deployment())
    state.taken_names.add(KEY)
    state.apply(state.plan())
    made = state.plan()
    assert ready(made)[1:] == ("False", "NameConflict")
    assert condition(made, "Stalled")["reason"] == "NameConflict"


def test_a_workload_with_our_labels_and_another_owner_is_not_ours() -> None:
    state = world(deployment())
    view = workload(owner_uid="uid-of-a-namesake")
    made = plan(replace(state.snapshot(), workloads=(view,)))
    assert [type(action) for action in made.actions] == [Create, Create]


@pytest.mark.parametrize("deleting", [True, False])
def test_a_deployment_that_is_being_deleted_is_not_planned(*, deleting: bool) -> None:
    state = world(deployment(deleting=deleting))
    made = state.plan()
    assert bool(made.actions) is not deleting
    assert (KEY in made.statuses) is not deleting


def test_failing_pods_are_reported_in_their_own_words() -> None:
    state = world(deployment())
    rest(state)
    (item,) = state.workloads.values()
    item.pods = [replace(found, ready=False, failing=True, problem="CrashLoopBackOff: exit code 1") for found in item.pods]
    made = state.plan()
    assert ready(made) == (0, "False", "ReplicaFailing")
    assert "CrashLoopBackOff: exit code 1" in condition(made, "Ready")["message"]


def test_a_quota_that_forbids_pods_is_quoted() -> None:
    state = world(deployment())
    made = rest(state)
    (item,) = state.workloads.values()
    item.pods = []
    snapshot = state.snapshot()
    failed = replace(snapshot.workloads[0], failure="pods are forbidden: exceeded quota")
    made = plan(replace(snapshot, workloads=(failed,)))
    assert ready(made)[2] == Reason.REPLICA_FAILING
    assert "exceeded quota" in condition(made, "Ready")["message"]


def test_two_deployments_that_want_the_last_devices_are_told_what_is_left() -> None:
    state = world(deployment(name="first", model="Qwen3-235B-A22B"), deployment(name="second", model="Qwen3-235B-A22B"))
    made = state.plan()
    message = condition(made, "Placed", Key("bank", "second"))["message"]
    assert "a replica needs 8 devices on one node; 0 are free" in message
    assert "8 more on that node would do" in message
