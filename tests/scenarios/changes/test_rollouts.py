"""State in, plan out: changes that need new pods, over a whole fleet, and where they end when the first one fails."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from factories import deployment, nodes, pool
from modelmatrix.cli.output.plan_document import plan_document
from modelmatrix.cli.output.plan_text import plan_text
from modelmatrix.planning.plan import Plan
from modelmatrix.planning.snapshot.views import NamespacedName, NodeView
from scenarios.changing import condition, edit, kinds, ready, world
from scenarios.world import STEP_SECONDS, World, rest

FULL = [f"m{number}" for number in range(4)]
ENGINE = "vLLM-Ascend"
GOOD, BAD = "registry.bank.local/vllm:2", "registry.bank.local/vllm:does-not-exist"


def key(name: str) -> NamespacedName:
    return NamespacedName("bank", name)


def fleet(*, there: Iterable[NodeView] | None = None, names: Iterable[str] = FULL, **fields: Any) -> World:
    """Single replicas of two devices, P0 to P3, which fill a node of eight devices; all of them serve."""
    members = [
        deployment(name=name, quantization="BF16", priority=f"P{number % 4}", **fields) for number, name in enumerate(names)
    ]
    state = world(*members, there=nodes(1) if there is None else there)
    rest(state)
    return state


def change_pool(state: World, **fields: Any) -> None:
    state.pools["ascend-a"] = replace(pool(**fields), status=state.pools["ascend-a"].status)


def serving(state: World) -> set[str]:
    """Deployments that serve, with whatever template."""
    made = state.plan()
    return {name.name for name in made.statuses if made.statuses[name]["readyReplicas"]}


def images(state: World) -> dict[str, str]:
    """The image of the ready replica of each deployment."""
    return {
        workload.stored["metadata"]["labels"]["modelmatrix.io/deployment"]: workload.images[found.uid]
        for workload in state.workloads.values()
        for found in workload.pods
        if found.ready and not found.deleting
    }


def held(made: Plan, name: str) -> tuple[str, str]:
    found = condition(made, "Held", key(name))
    return found["reason"], found["message"]


def run(state: World, steps: int = 60) -> list[set[str]]:
    """Those that serve after each step, until nothing changes for longer than a failure may take."""
    seen, quiet = [], 0
    for _ in range(steps):
        made = state.plan()
        state.apply(made)
        before = [list(workload.pods) for workload in state.workloads.values()]
        state.step()
        seen.append(serving(state))
        quiet = quiet + 1 if not made.actions and before == [list(w.pods) for w in state.workloads.values()] else 0
        if quiet * STEP_SECONDS > 120:
            return seen
    raise AssertionError("the fleet does not come to rest")


def test_an_image_of_a_full_pool_rolls_out_one_after_another_the_lowest_priority_first() -> None:
    state = fleet()
    change_pool(state, images={ENGINE: GOOD})
    order: list[str] = []
    for _ in range(60):
        state.apply(state.plan())
        state.step()
        order += [name for name, image in images(state).items() if image == GOOD and name not in order]
        assert len(serving(state)) >= 3, "one in place at a time"
    assert order == ["m3", "m2", "m1", "m0"]
    assert not rest(state).actions
    assert all("Held" not in {c["type"] for c in state.deployments[key(name)].status["conditions"]} for name in FULL)


def test_what_waits_says_so_and_serves_on() -> None:
    state = fleet()
    change_pool(state, images={ENGINE: GOOD})
    made = state.plan()
    assert [action.deployment.name for action in made.actions] == ["m3"]
    for name in ("m0", "m1", "m2"):
        assert held(made, name)[0] == "RolloutQueued"
        assert ready(made, key(name)) == (1, "True", "ReplicasReady")


def test_a_missing_image_halts_after_the_first_and_comes_back() -> None:
    state = fleet()
    state.missing.add(BAD)
    before = images(state)
    change_pool(state, images={ENGINE: BAD})
    for there in run(state):
        assert there >= {"m0", "m1", "m2"}
    made = state.plan()
    assert images(state) == before
    assert held(made, "m3")[0] == "RolledBack"
    assert f"{BAD} not found" in held(made, "m3")[1]
    for name in ("m0", "m1", "m2"):
        reason, message = held(made, name)
        assert (reason, message.split(";")[0]) == (
            "RolloutHalted",
            "ascend-a: the rollout of bank/m3 to the same image fails",
        )
    assert not made.actions
    change_pool(state, images={ENGINE: GOOD})
    run(state)
    assert set(images(state).values()) == {GOOD}


def test_taking_the_bad_image_back_restarts_nothing_more() -> None:
    state = fleet()
    state.missing.add(BAD)
    change_pool(state, images={ENGINE: BAD})
    run(state)
    pods = {found.uid for found in state.pods}
    change_pool(state)
    made = rest(state)
    assert {found.uid for found in state.pods} == pods
    assert {ready(made, key(name)) for name in FULL} == {(1, "True", "ReplicasReady")}
    assert not [workload for workload in state.workloads.values() if "failed-template" in str(workload.stored["metadata"])]


def test_with_room_the_first_surges_alone_and_then_several() -> None:
    state = fleet(there=nodes(3), names=[f"m{number}" for number in range(6)])
    change_pool(state, images={ENGINE: GOOD})
    first = state.plan()
    assert len(first.actions) == 1, "the first of a cause goes alone"
    most = 0
    for _ in range(40):
        state.apply(state.plan())
        most = max(most, sum("served-template" in str(item.stored["metadata"]) for item in state.workloads.values()))
        state.step()
        assert len(serving(state)) == 6
    assert most == 5
    assert set(images(state).values()) == {GOOD}


def test_two_deployments_never_count_the_same_free_devices() -> None:
    state = fleet(there=nodes(1, devices=8), names=FULL[:3])  # room for one surge replica of two devices
    for name in FULL[:3]:
        edit(state, key(name), quantization="BF16", priority=f"P{name[1]}", maxModelLen=8192)
    made = state.plan()
    assert [action.deployment.name for action in made.actions] == ["m2"]
    for _ in range(30):
        state.apply(state.plan())
        state.step()
        assert len(serving(state)) == 3
    assert not rest(state).actions


@pytest.mark.parametrize(
    "fields", [{"tolerations": [{"key": "maintenance", "operator": "Exists"}]}, {"tolerations": [], "site": "elsewhere"}]
)
def test_a_toleration_rolls_nothing_out(fields: dict[str, Any]) -> None:
    state = fleet()
    pods = {found.uid for found in state.pods}
    change_pool(state, **fields)
    made = rest(state)
    assert {found.uid for found in state.pods} == pods
    assert {ready(made, key(name)) for name in FULL} == {(1, "True", "ReplicasReady")}
    waits = "tolerations of running pods change with the next rollout" in condition(made, "Placed", key("m0"))["message"]
    assert waits is bool(fields["tolerations"])


def test_a_toleration_that_new_pods_need_is_rolled_out() -> None:
    state = world(deployment(replicas=1), there=nodes(2))
    rest(state)
    state.tainted.update(state.nodes)
    edit(state, replicas=2)
    state.apply(state.plan())
    state.step()
    assert ready(state.plan(), key("assistant"))[0] == 1
    change_pool(state, tolerations=[{"key": "maintenance", "operator": "Exists"}])
    (action,) = state.plan().actions
    assert action.manifest["spec"]["template"]["spec"]["tolerations"]  # type: ignore[union-attr]
    state.tainted.clear()
    assert ready(rest(state), key("assistant")) == (2, "True", "ReplicasReady")


def test_a_cost_center_restarts_no_model_of_a_full_pool() -> None:
    state = fleet()
    pods = {found.uid for found in state.pods}
    for name in FULL:
        edit(state, key(name), quantization="BF16", priority=f"P{name[1]}", costCenter="4711", tenant="cards")
    assert len(state.plan().actions) == 8, "labels of workloads and Services change at once"
    rest(state)
    assert {found.uid for found in state.pods} == pods


def test_another_catalogue_rolls_a_full_pool_out_one_after_another() -> None:
    state = fleet()
    engine = state.catalogue.engines[ENGINE]
    state.catalogue = replace(state.catalogue, engines={**state.catalogue.engines, ENGINE: with_another_argument(engine)})
    state.cache = type(state.cache)()
    for there in run(state):
        assert len(there) >= 3
    assert all("--another-flag" in str(workload.spec) for workload in state.workloads.values())


def with_another_argument(engine: Any) -> Any:
    environment = (*engine.environment, type(engine.environment[0])(name="ANOTHER", value="--another-flag"))
    return engine.model_copy(update={"environment": environment})


def test_an_edit_of_a_deployment_goes_on_beside_a_failing_rollout() -> None:
    state = fleet(there=nodes(1, devices=8))
    state.missing.add(BAD)
    change_pool(state, images={ENGINE: BAD})
    run(state)
    edit(state, key("m1"), quantization="BF16", priority="P1", maxModelLen=8192)
    seen = run(state)
    made = state.plan()
    assert seen[-1] == set(FULL)
    assert ready(made, key("m1"))[1] == "True"
    assert images(state)["m1"] != BAD
    assert "8192" in str(next(w.spec for w in state.workloads.values() if "m1" in str(w.stored["metadata"]["labels"])))


def test_an_own_edit_that_never_serves_in_place_goes_back() -> None:
    state = fleet()
    before = images(state)["m1"]
    state.broken_arguments.add("4242")
    edit(state, key("m1"), quantization="BF16", priority="P1", maxModelLen=4242)
    seen = run(state)
    made = state.plan()
    assert seen[-1] == set(FULL)
    assert images(state)["m1"] == before
    assert ready(made, key("m1")) == (1, "False", "RolledBack")
    assert condition(made, "Stalled", key("m1"))["status"] == "True"
    edit(state, key("m1"), quantization="BF16", priority="P1", maxModelLen=4096)
    run(state)
    assert ready(state.plan(), key("m1")) == (1, "True", "ReplicasReady")


def test_an_own_edit_with_room_that_never_serves_leaves_the_old_replica() -> None:
    state = fleet(there=nodes(2))
    state.broken_arguments.add("4242")
    edit(state, key("m1"), quantization="BF16", priority="P1", maxModelLen=4242)
    for there in run(state):
        assert there == set(FULL)
    assert ready(state.plan(), key("m1"))[1:] == ("False", "ImageUnavailable")


def test_what_waits_is_still_scaled() -> None:
    state = fleet(there=nodes(1), names=FULL[:3])
    state.missing.add(BAD)
    change_pool(state, images={ENGINE: BAD})
    run(state)
    edit(state, key("m0"), quantization="BF16", priority="P0", replicas=2)
    assert kinds(state.plan()) == ["Scale"]
    state.apply(state.plan())
    state.step()
    assert ready(state.plan(), key("m0")) == (2, "True", "ReplicasReady")
    assert BAD not in images(state).values()


@pytest.mark.parametrize("what", ["deployment", "pool"])
def test_what_is_paused_is_not_touched(what: str) -> None:
    state = fleet()
    before = {found.uid for found in state.pods}
    if what == "deployment":
        state.deployments[key("m3")] = replace(state.deployments[key("m3")], paused=True)
    edit(state, key("m3"), quantization="BF16", priority="P3", replicas=0)
    state.deployments[key("m3")] = replace(state.deployments[key("m3")], paused=what == "deployment")
    state.pools["ascend-a"] = replace(state.pools["ascend-a"], paused=what == "pool")
    state.deployments[key("taker")] = deployment(name="taker", quantization="BF16", priority="P0")
    made = state.plan()
    state.apply(made)
    state.step()
    touched = {action.deployment.name for action in made.actions}
    assert "m3" not in touched
    assert held(made, "m3")[0] == "Paused"
    if what == "pool":
        assert touched <= {"taker"}
        assert {found.uid for found in state.pods} == before
        assert condition(made, "Placed", key("taker"))["reason"] == "Paused"


def test_a_paused_deployment_neither_gives_way_nor_takes() -> None:
    state = fleet()
    for name in FULL[1:]:
        state.deployments[key(name)] = replace(state.deployments[key(name)], paused=True)
    state.deployments[key("taker")] = deployment(name="taker", quantization="BF16", priority="P0")
    rest(state)
    assert serving(state) == set(FULL)
    state.deployments[key("m1")] = replace(state.deployments[key("m1")], paused=False)
    state.deployments[key("taker")] = replace(state.deployments[key("taker")], paused=True)
    rest(state)
    assert serving(state) == set(FULL)


def test_objects_of_an_earlier_version_are_annotated_and_not_rolled_out() -> None:
    state = fleet()
    pods = {found.uid for found in state.pods}
    digests = {p.target.key: p.template.digest for plan in state.plan().deployments.values() for p in plan.placements}
    for name, workload in state.workloads.items():
        annotations = workload.stored["metadata"]["annotations"]
        del annotations["modelmatrix.io/template-digest"], annotations["modelmatrix.io/spec-digest"]
        annotations["modelmatrix.io/manifest-digest"] = digests[name]
    assert kinds(state.plan()) == ["Apply"] * 4
    rest(state)
    assert {found.uid for found in state.pods} == pods


def test_another_rendering_of_an_earlier_version_passes_the_gate() -> None:
    state = fleet()
    for workload in state.workloads.values():
        annotations = workload.stored["metadata"]["annotations"]
        del annotations["modelmatrix.io/template-digest"], annotations["modelmatrix.io/spec-digest"]
        annotations["modelmatrix.io/manifest-digest"] = "0" * 16
    for there in run(state):
        assert len(there) >= 3
    assert not rest(state).actions


def test_several_formats_of_a_full_pool_give_way_one_deployment_after_another() -> None:
    state = fleet()
    for name in FULL:
        edit(
            state,
            key(name),
            quantization="BF16",
            priority=f"P{name[1]}",
            pools=[{"name": "ascend-a", "engine": "SGLang"}],
            unlisted="Allow",
        )
    for there in run(state, steps=120):
        assert len(there) >= 3
    assert {w.stored["metadata"]["labels"]["modelmatrix.io/engine"] for w in state.workloads.values()} == {"SGLang"}


def test_a_plan_names_what_would_roll_in_the_order_in_which_it_goes() -> None:
    state = fleet()
    change_pool(state, images={ENGINE: GOOD})
    made = state.plan()
    rollouts = plan_document(None, made, made.deployments)["rollouts"]
    assert [(item["order"], item["name"], item["inPlace"]) for item in rollouts] == [
        (number, f"m{4 - number}", True) for number in range(1, 5)
    ]
    assert {item["field"] for item in rollouts} == {"spec.template.spec.containers[0].image"}
    assert [bool(item["held"]) for item in rollouts] == [False, True, True, True]
    table = plan_text(
        {
            "items": [],
            "pools": [],
            "displaced": [],
            "cost": {"before": "0", "after": "0", "currency": "CNY", "others": []},
            "rollouts": rollouts,
        },
        wide=False,
    )
    assert "1        bank       m3    ascend-a  in place" in table
