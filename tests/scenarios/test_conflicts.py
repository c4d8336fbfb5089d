"""State in, plan out: objects that are not ours or have lost their owner, and pods that fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factories import deployment, nodes, problem, workload
from modelmatrix.api import names
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.actions.action import Adopt, Create, Delete
from modelmatrix.planning.plan import plan
from modelmatrix.planning.snapshot.views import NamespacedName
from scenarios.changing import KEY, condition, kinds, lowest_ready, ready, world
from scenarios.world import World, rest


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
    item.pods = [replace(found, ready=False, problem=problem("CrashLoopBackOff: exit code 1")) for found in item.pods]
    made = state.plan()
    assert ready(made) == (0, "False", "ReplicaFailing")
    assert "CrashLoopBackOff: exit code 1" in condition(made, "Ready")["message"]


def test_a_quota_that_forbids_pods_is_quoted() -> None:
    state = world(deployment())
    made = rest(state)
    (item,) = state.workloads.values()
    item.pods = []
    snapshot = state.snapshot()
    failed = replace(
        snapshot.workloads[0], failure=problem("pods are forbidden: exceeded quota", "QuotaExceeded", "controller")
    )
    made = plan(replace(snapshot, workloads=(failed,)))
    assert ready(made)[2] == Reason.QUOTA_EXCEEDED
    assert "exceeded quota" in condition(made, "Ready")["message"]


def test_two_deployments_that_want_the_last_devices_are_told_what_is_left() -> None:
    state = world(deployment(name="first", model="Qwen3-235B-A22B"), deployment(name="second", model="Qwen3-235B-A22B"))
    made = state.plan()
    message = condition(made, "Placed", NamespacedName("bank", "second"))["message"]
    assert "a replica needs 8 devices on one node; 0 are free" in message
    assert "8 more on that node are enough" in message


def orphan(state: World) -> None:
    """A restore, as backup tools do it: without owner references, and the deployment has another UID and no status."""
    for stored in (*(item.stored for item in state.workloads.values()), *state.services.values()):
        stored["metadata"] = {key: value for key, value in stored["metadata"].items() if key != "ownerReferences"}
    state.deployments = {key: replace(view, uid=f"{view.uid}-restored", status={}) for key, view in state.deployments.items()}


def owners(state: World) -> set[str]:
    """UIDs of the controllers of everything that there is."""
    return {workload.view.owner_uid for workload in state.workloads.values()} | {
        owner["uid"] for item in state.services.values() for owner in item["metadata"].get("ownerReferences", ())
    }


def running(replicas: int = 2) -> World:
    """A cluster at rest with a deployment that serves."""
    state = world(deployment(replicas=replicas), there=nodes(2))
    rest(state)
    return state


@pytest.mark.parametrize("wanted", [1, 2, 3])
def test_what_a_restore_has_orphaned_is_taken_back_with_the_same_pods(wanted: int) -> None:
    state = running(replicas=2)
    orphan(state)
    state.deployments[KEY] = replace(deployment(replicas=wanted), uid="restored")
    (item,) = state.workloads.values()
    before = item.spec["template"]
    made = state.plan()
    assert ready(made)[0] == 2
    assert kinds(made) == ["Apply", "Apply"]
    rest(state)
    assert owners(state) == {"restored"}
    assert item.spec["template"] == before
    assert (len(state.pods), state.failures) == (wanted, {})


def test_what_is_orphaned_counts_its_replicas_while_nothing_says_how_many_there_should_be() -> None:
    state = world(deployment(scaling={"minReplicas": 1, "maxReplicas": 4}, slo={"ttftMilliseconds": 2000}), there=nodes(2))
    rest(state)
    (item,) = state.workloads.values()
    item.spec["replicas"] = 3
    orphan(state)
    assert state.plan().deployments[KEY].desired_replicas == 3


def test_an_orphan_of_an_older_layout_gets_its_owner_back_and_drains_when_the_new_one_serves() -> None:
    state = running(replicas=1)
    orphan(state)
    (old,) = state.workloads
    state.deployments[KEY] = replace(deployment(replicas=1, maxModelLen=4096, quantization="BF16"), uid="restored")
    adopted = [action for action in state.plan().actions if isinstance(action, Adopt)]
    assert [(action.key, action.owners[0]["uid"]) for action in adopted] == [(old, "restored")]
    assert lowest_ready(state) == 1
    assert old not in state.workloads
    assert owners(state) == {"restored"}


@pytest.mark.parametrize(
    "change",
    [
        {"key": KEY},
        {"key": KEY._replace(name="another-0123456")},
        {"key": KEY._replace(name="assistant-copied")},
        {"digest": ""},
        {"owner_uid": "uid-of-a-namesake"},
    ],
    ids=["name", "prefix", "no hash", "never applied", "owned"],
)
def test_an_orphan_that_is_not_like_ours_is_neither_counted_nor_touched(change: dict[str, object]) -> None:
    state = running(replicas=1)
    orphan(state)
    snapshot = state.snapshot()
    (view,) = snapshot.workloads
    stranger = replace(view, **change)
    made = plan(replace(snapshot, workloads=(stranger,)))
    assert ready(made)[0] == 0
    assert not [action for action in made.actions if isinstance(action, Adopt | Delete)]
    assert [action.kind for action in made.actions if isinstance(action, Create)] == [names.DEPLOYMENTS]


@pytest.mark.parametrize("owner", ["", "uid-of-a-namesake"])
def test_a_service_of_the_same_name_is_ours_by_its_owner_or_its_label(owner: str) -> None:
    state = running(replicas=1)
    snapshot = state.snapshot()
    (service,) = snapshot.services
    metadata = service.manifest["metadata"] | {"labels": {names.LABEL_DEPLOYMENT: "another"}}
    stranger = replace(service, owner_uid=owner, manifest=service.manifest | {"metadata": metadata})
    made = plan(replace(snapshot, services=(stranger,)))
    assert [(type(action), action.kind) for action in made.actions] == [(Create, names.SERVICES)]
