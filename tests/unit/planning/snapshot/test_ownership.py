"""A pod is ours by the chain of its controllers, never by a label."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from factories import pod, workload
from modelmatrix.planning.snapshot.ownership import known_workloads, owned_pods
from modelmatrix.planning.snapshot.views import ControllerView, NamespacedName, PodView, Stage, WorkloadView

OURS = workload(uid="workload", owner_uid="model")
NAME = OURS.key.name


def controller(uid: str, of: str) -> ControllerView:
    return ControllerView(NamespacedName("bank", uid), uid, of)


def found(
    *pods: PodView,
    controllers: Iterable[ControllerView] = (controller("rs", "workload"),),
    workloads: Iterable[WorkloadView] = (OURS,),
    uids: frozenset[str] = frozenset({"model"}),
    known: Mapping[str, str] | None = None,
) -> dict[str, str]:
    owned = owned_pods(pods, controllers, workloads, deployment_uids=uids, known=known or {})
    return {view.key.name: view.workload for view in owned}


def test_the_pod_of_a_replica_set_of_our_deployment_is_ours_with_or_without_labels() -> None:
    assert found(pod(controller_uid="rs", workload=NAME)) == {"pod": NAME}
    assert found(pod(controller_uid="rs")) == {"pod": NAME}


def test_pods_of_a_group_are_ours() -> None:
    leader = pod(name="leader", controller_uid="leaders")
    worker = pod(name="worker", controller_uid="workers")
    chain = (controller("leaders", "workload"), controller("workers", leader.uid))
    assert found(leader, worker, controllers=chain) == {"leader": NAME, "worker": NAME}


@pytest.mark.parametrize(
    ("controller_uid", "owner_uid", "uids"),
    [
        ("", "model", {"model"}),  # labels only
        ("other", "model", {"model"}),  # another controller
        ("rs", "other", {"model"}),  # a workload of somebody else
        ("rs", "", {"", "model"}),  # a workload of nobody
        ("rs", "model", set()),  # a ModelDeployment that does not exist
    ],
)
def test_a_pod_with_our_labels_and_another_chain_is_foreign_and_holds_devices(
    controller_uid: str, owner_uid: str, uids: set[str]
) -> None:
    workloads = (workload(uid="workload", owner_uid=owner_uid),)
    view = pod(controller_uid=controller_uid, workload=NAME, devices=4)
    (owned,) = owned_pods((view,), (controller("rs", "workload"),), workloads, deployment_uids=uids, known={})
    assert (owned.workload, owned.devices) == ("", view.devices)


def test_a_pod_of_another_namespace_is_foreign() -> None:
    assert found(pod(namespace="thief", controller_uid="rs", workload=NAME)) == {"pod": ""}


def test_a_pod_stays_ours_while_its_deleted_deployment_goes_from_the_top() -> None:
    view = pod(controller_uid="rs", workload=NAME)
    known = {view.uid: NAME}
    assert found(view, uids=frozenset(), known=known) == {"pod": NAME}
    assert found(view, workloads=(), known=known) == {"pod": NAME}
    assert found(view, workloads=(), controllers=(), known=known) == {"pod": NAME}
    assert found(view, workloads=(), known={}) == {"pod": ""}


def test_a_pod_that_was_ours_and_is_given_up_is_foreign() -> None:
    view = pod(workload=NAME)
    known = {view.uid: NAME}
    assert found(view, known=known) == {"pod": ""}
    orphaned = (workload(uid="workload", owner_uid=""),)
    assert found(pod(controller_uid="rs"), workloads=orphaned, known=known) == {"pod": ""}


def test_a_failed_pod_counts_only_where_it_is_ours_and_once() -> None:
    ours, foreign = pod(controller_uid="rs"), pod(name="foreign", workload=NAME, stage=Stage.FAILED)
    failed = pod(controller_uid="rs", stage=Stage.FAILED, devices=0)
    owned = owned_pods((ours, foreign, failed), (controller("rs", "workload"),), (OURS,), deployment_uids={"model"}, known={})
    assert [(view.key.name, view.stage) for view in owned] == [("pod", Stage.FAILED)]
    assert known_workloads(owned) == {ours.uid: NAME}


def test_a_ring_of_controllers_ends() -> None:
    ring = (controller("rs", "b"), controller("b", "rs"))
    assert found(pod(controller_uid="rs", workload=NAME), controllers=ring) == {"pod": ""}
