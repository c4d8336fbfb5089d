"""State in, plan out: what several changes may disrupt at once, and when a rollout has ended or has failed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from factories import deployment, node, nodes, pod, pool
from modelmatrix.planning.disruption.rollout import Rollout, rollout_of
from modelmatrix.planning.snapshot.snapshot import PlanSettings
from modelmatrix.planning.snapshot.views import NamespacedName
from scenarios.changing import condition, edit, ready, world
from scenarios.world import World, rest

ENGINE = "vLLM-Ascend"
GOOD, BAD = "registry.bank.local/vllm:2", "registry.bank.local/vllm:does-not-exist"


def key(name: str) -> NamespacedName:
    return NamespacedName("bank", name)


def member(name: str, **fields: Any) -> Any:
    """A deployment whose replicas have two devices; the number in its name is its priority."""
    return deployment(name=name, quantization="BF16", **{"priority": f"P{int(name[1:]) % 4}"} | fields)


def fleet(*names: str, devices: int = 8, **fields: Any) -> World:
    state = world(*(member(name, **fields) for name in names), there=nodes(1, devices=devices))
    rest(state)
    return state


def change_image(state: World, image: str) -> None:
    state.pools["ascend-a"] = replace(pool(images={ENGINE: image}), status=state.pools["ascend-a"].status)


def longer(state: World, name: str, **fields: Any) -> None:
    """An edit of the deployment's own that needs new pods."""
    edit(state, key(name), quantization="BF16", **{"priority": f"P{int(name[1:]) % 4}", "maxModelLen": 8192} | fields)


def touched(state: World) -> set[str]:
    return {action.deployment.name for action in state.plan().actions}


def advance(state: World, steps: int = 1) -> None:
    for _ in range(steps):
        state.apply(state.plan())
        state.step()


def rollout(state: World, name: str) -> Rollout:
    plan = state.plan().deployments[key(name)]
    found = rollout_of(plan, plan.placements[0], state.now_seconds)
    assert found is not None
    return found


def images(state: World, name: str) -> list[str]:
    """Images of the serving replicas of a deployment."""
    return [
        item.images[found.uid]
        for where, item in state.workloads.items()
        if where.name.startswith(name)
        for found in item.pods
        if found.ready
    ]


def test_a_deployment_on_two_full_pools_replaces_on_one_at_a_time() -> None:
    pools = ["ascend-a", "ascend-b"]
    state = world(
        member("m1", replicas=2, pools=pools),
        pools=[pool(name=name) for name in pools],
        there=[node(name=f"{name}-0", pool=name, devices=2) for name in pools],
    )
    rest(state)
    longer(state, "m1", replicas=2, pools=pools)
    assert len(state.plan().actions) == 1
    for _ in range(20):
        advance(state)
        assert ready(state.plan(), key("m1"))[0] >= 1
    assert ready(rest(state), key("m1"))[1] == "True"


def test_no_more_rollouts_are_on_than_the_fleet_allows() -> None:
    state = world(*(member(f"m{number}") for number in range(6)), there=nodes(3), settings=PlanSettings(max_rollouts=2))
    rest(state)
    change_image(state, GOOD)
    most = 0
    for _ in range(30):
        state.apply(state.plan())
        most = max(most, sum("served-template" in str(item.stored["metadata"]) for item in state.workloads.values()))
        state.step()
    assert most == 2
    assert {image for name in range(6) for image in images(state, f"m{name}")} == {GOOD}


def test_an_edit_of_a_deployment_does_not_count_against_the_fleets_bound() -> None:
    state = world(*(member(f"m{number}") for number in range(4)), there=nodes(3), settings=PlanSettings(max_rollouts=1))
    rest(state)
    for number in range(4):
        longer(state, f"m{number}")
    assert touched(state) == {"m0", "m1", "m2", "m3"}


def test_a_surge_that_has_begun_keeps_its_room_before_its_pod_exists() -> None:
    state = fleet("m0", "m1", "m2")
    longer(state, "m2")
    state.apply(state.plan())
    longer(state, "m1")
    assert touched(state) == set()
    assert condition(state.plan(), "Held", key("m1"))["reason"] == "RolloutQueued"


def test_a_surge_pod_that_has_its_devices_takes_no_other_room() -> None:
    state = fleet("m0", "m1", "m2", devices=10)
    state.starts = False
    longer(state, "m2")
    advance(state)
    longer(state, "m1")
    (action,) = state.plan().actions
    assert action.deployment.name == "m1"
    assert action.manifest["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == 1  # type: ignore[union-attr]


def partly_failing() -> World:
    """A full pool on which a rollout has served once and then fails."""
    state = world(member("m3", replicas=2), member("m1"), member("m2"), there=nodes(1))
    rest(state)
    change_image(state, GOOD)
    while GOOD not in images(state, "m3"):
        advance(state)
    state.missing.add(GOOD)
    advance(state, 12)
    return state


def test_what_has_served_once_is_not_taken_back_and_the_others_are_halted() -> None:
    state = partly_failing()
    assert GOOD in images(state, "m3")
    assert "failed-template" not in str([item.stored["metadata"] for item in state.workloads.values()])
    made = state.plan()
    assert not made.actions
    assert condition(made, "Held", key("m1"))["reason"] == "RolloutHalted"


def test_an_edit_of_a_deployment_does_not_wait_for_a_rollout_in_place_that_fails() -> None:
    state = partly_failing()
    longer(state, "m1")
    assert touched(state) == {"m1"}
    advance(state, 6)
    assert ready(state.plan(), key("m1"))[0] == 1
    assert GOOD not in images(state, "m1")


def test_another_shared_change_waits_for_it() -> None:
    state = partly_failing()
    changed = pool(images={ENGINE: GOOD}, runtimeClassName="ascend")
    state.runtime_classes = frozenset({"ascend"})
    state.pools["ascend-a"] = replace(changed, status=state.pools["ascend-a"].status)
    assert touched(state) <= {"m3"}


def test_what_does_not_serve_waits_for_nobody() -> None:
    state = fleet("m0", "m1", "m2", "m3")
    state.starts = False
    change_image(state, GOOD)
    advance(state)
    (broken,) = (item for where, item in state.workloads.items() if where.name.startswith("m1"))
    broken.pods = [replace(found, ready=False) for found in broken.pods]
    longer(state, "m1")
    longer(state, "m2")
    assert touched(state) == {"m1"}


def test_of_two_surges_whose_room_is_taken_one_goes_on_in_place() -> None:
    state = fleet("m0", "m1", "m2", devices=10)
    longer(state, "m1")
    longer(state, "m2")
    state.apply(state.plan())
    for number in range(4):
        guest = pod(name=f"guest-{number}", node="ascend-a-0")
        state.foreign[guest.key] = guest
    state.step()
    assert len(state.plan().actions) == 1
    for _ in range(20):
        advance(state)
        assert sum(ready(state.plan(), key(name))[0] for name in ("m0", "m1", "m2")) >= 2
    assert not rest(state).actions


def test_a_rollout_that_has_just_begun_is_not_complete_whatever_the_caches_show() -> None:
    state = fleet("m1")
    longer(state, "m1")
    state.apply(state.plan())
    found = rollout(state, "m1")
    stale = replace(found, workload=replace(found.workload, rolling=False, outdated=False))
    assert not stale.is_complete
    assert replace(stale, now_seconds=stale.now_seconds + 3).is_complete


@pytest.mark.parametrize(("seconds", "fails"), [(30, False), (59, False), (60, True)])
def test_a_failure_counts_once_it_has_lasted(seconds: float, fails: bool) -> None:  # noqa: FBT001
    state = fleet("m0", "m1", "m2", "m3")
    state.missing.add(BAD)
    change_image(state, BAD)
    while rollout(state, "m3").placement.ready or not [found for found in state.pods if found.problem]:
        advance(state)
    (failing,) = (found for found in state.pods if found.problem and found.problem.reason == "ImageUnavailable")
    found = rollout(state, "m3")
    assert (replace(found, now_seconds=failing.created_seconds + seconds).problem is not None) is fails


def test_a_pod_that_waits_for_the_scheduler_fails_no_rollout() -> None:
    state = fleet("m0", "m1", "m2", "m3")
    change_image(state, GOOD)
    state.apply(state.plan())
    state.tainted.update(state.nodes)
    advance(state, 12)
    assert rollout(state, "m3").problem is None
    assert "failed-template" not in str([item.stored["metadata"] for item in state.workloads.values()])
    state.tainted.clear()
    assert not rest(state).actions


def test_an_edit_of_the_first_that_failed_frees_nobody_else_for_the_same_image() -> None:
    state = fleet("m0", "m1", "m2", "m3")
    state.missing.add(BAD)
    change_image(state, BAD)
    advance(state, 12)
    longer(state, "m3")
    advance(state, 12)
    assert ready(state.plan(), key("m3"))[0] == 1
    tried = [image for item in state.workloads.values() for image in item.images.values() if image == BAD]
    assert len(tried) == 1, "only by the first, and only once"
    made = state.plan()
    assert not made.actions
    assert {condition(made, "Held", key(name))["reason"] for name in ("m0", "m1", "m2")} == {"RolloutHalted"}


def test_an_edit_amid_a_rollout_begins_its_time_anew() -> None:
    state = fleet("m0", "m1", "m2", "m3")
    state.starts = False

    def since() -> int:
        (item,) = (item for where, item in state.workloads.items() if where.name.startswith("m1"))
        return int(json.loads(item.stored["metadata"]["annotations"]["modelmatrix.io/served-template"])["since"])

    longer(state, "m1")
    advance(state)
    first = since()
    advance(state)
    assert since() == first
    longer(state, "m1", maxModelLen=4096)
    advance(state)
    assert since() > first


def test_a_paused_replica_is_passed_over_for_the_next_victim() -> None:
    state = fleet("m0", "m1", "m2", "m3")
    state.deployments[key("m3")] = replace(state.deployments[key("m3")], paused=True)
    state.deployments[key("m4")] = member("m4", priority="P0")
    rest(state)
    assert [ready(state.plan(), key(name))[0] for name in ("m2", "m3", "m4")] == [0, 1, 1]


def test_a_paused_pool_keeps_what_retires() -> None:
    state = fleet("m1")
    state.pools["ascend-a"] = replace(state.pools["ascend-a"], paused=True)
    edit(state, key("m1"), quantization="W8A8", priority="P1")
    before = [found.uid for found in state.pods]
    advance(state, 4)
    assert [found.uid for found in state.pods] == before
    assert not state.plan().actions


def test_a_deployment_that_lacks_devices_is_rolled_out_without_what_finds_none() -> None:
    state = world(member("m3", replicas=4), there=nodes(1))
    rest(state)
    guest = pod(name="guest", node="ascend-a-0", devices=2)
    (item,) = state.workloads.values()
    item.pods = item.pods[:-1]
    state.foreign[guest.key] = guest
    rest(state)
    assert (ready(state.plan(), key("m3"))[0], len(state.pods)) == (3, 4)
    change_image(state, GOOD)
    for _ in range(12):
        advance(state)
        assert ready(state.plan(), key("m3"))[0] >= 2
    assert images(state, "m3") == [GOOD] * 3
    del state.foreign[guest.key]
    assert ready(rest(state), key("m3")) == (4, "True", "ReplicasReady")
