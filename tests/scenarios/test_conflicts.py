"""State in, plan out: objects that are not ours, and pods that fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factories import deployment, problem, workload
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.actions.action import Create
from modelmatrix.planning.plan import plan
from modelmatrix.planning.snapshot.views import NamespacedName
from scenarios.changing import KEY, condition, ready, world
from scenarios.world import rest


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
