"""State in, plan out: edits of a deployment, and what must go on running meanwhile."""

from __future__ import annotations

from dataclasses import replace

from factories import NVIDIA, deployment, nodes, pod, pool
from modelmatrix.planning.snapshot.views import NamespacedName
from scenarios.changing import FLAGSHIP, KEY, condition, edit, kinds, lowest_ready, ready, world
from scenarios.world import World, rest


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


def test_ready_names_what_a_rollout_changes_until_it_has_ended() -> None:
    state = world(deployment(replicas=2))
    rest(state)
    before = state.workloads.copy()
    edit(state, replicas=2, maxModelLen=8192)
    messages = []
    for _ in range(20):
        made = state.plan()
        if condition(made, "Ready")["status"] == "True":
            break
        messages.append(condition(made, "Ready")["message"])
        state.apply(made)
        state.step()
    assert set(state.workloads) == set(before)
    assert len(messages) > 2
    assert all("; rolling out: spec.template.spec.containers[0].args[" in message for message in messages)
    assert ready(rest(state)) == (2, "True", "ReplicasReady")


def test_the_cause_of_a_rollout_is_not_named_when_replicas_are_missing_later() -> None:
    state = world(deployment(replicas=2))
    rest(state)
    assert cause(state) is None
    edit(state, replicas=2, maxModelLen=8192)
    assert not rest(state).actions
    assert str(cause(state)).startswith("spec.template.spec.containers[0].args[")
    (workload,) = state.workloads.values()
    workload.pods = workload.pods[:1]
    assert condition(state.plan(), "Ready")["message"].startswith("1 of 2 replicas serve; a start takes")
    edit(state, replicas=3, maxModelLen=8192)
    state.apply(state.plan())
    assert cause(state) is None
    assert "rolling out" not in condition(state.plan(), "Ready")["message"]
    assert not rest(state).actions


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
    flagship = NamespacedName("bank", "flagship")
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


def test_who_pays_and_how_important_it_is_restarts_no_pod() -> None:
    state = world(deployment(replicas=1))
    rest(state)
    pods = {found.uid for found in state.pods}
    edit(state, replicas=1, tenant="cards", costCenter="4711", priority="P1")
    made = state.plan()
    assert sorted(kinds(made)) == ["Apply", "Apply"], "the Service has the tenant's label too"
    made = rest(state)
    (item,) = state.workloads.values()
    assert {found.uid for found in state.pods} == pods
    assert item.stored["metadata"]["labels"]["modelmatrix.io/tenant"] == "cards"
    assert item.stored["metadata"]["labels"]["modelmatrix.io/cost-center"] == "4711"
    assert "modelmatrix.io/tenant" not in item.spec["template"]["metadata"]["labels"]
    assert item.spec["template"]["spec"]["priorityClassName"] == "modelmatrix-p2"
    assert ready(made) == (1, "True", "ReplicasReady")
    waiting = "priority class, tenant and cost center of running pods change with the next rollout"
    assert waiting in condition(made, "Placed")["message"]


def test_the_next_rollout_brings_what_needed_none() -> None:
    state = world(deployment(replicas=1))
    rest(state)
    edit(state, replicas=1, tenant="cards", priority="P1")
    rest(state)
    edit(state, replicas=1, tenant="cards", priority="P1", maxModelLen=8192)
    made = rest(state)
    (item,) = state.workloads.values()
    assert item.spec["template"]["metadata"]["labels"]["modelmatrix.io/tenant"] == "cards"
    assert item.spec["template"]["spec"]["priorityClassName"] == "modelmatrix-p1"
    assert "next rollout" not in condition(made, "Placed")["message"]


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


def cause(state: World) -> str | None:
    (stored,) = (workload.stored for workload in state.workloads.values())
    found: str | None = stored["metadata"]["annotations"].get("kubernetes.io/change-cause")
    return found
