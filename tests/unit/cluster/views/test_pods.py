from __future__ import annotations

from typing import Any

import pytest

from modelmatrix.api import names
from modelmatrix.api.reasons import Reason
from modelmatrix.cluster.views.pods import controller_view, pod_view
from modelmatrix.planning.snapshot.views import Compute, ControllerView, NamespacedName, PodView, Stage

GPU, NPU = "nvidia.com/gpu", "huawei.com/Ascend910"
OURS = {
    names.LABEL_MANAGED_BY: names.MANAGED_BY,
    names.LABEL_DEPLOYMENT: "chat",
    names.LABEL_APP_INSTANCE: "chat-abc",
    names.LABEL_ROLE: names.ROLE_LEADER,
}


def container(*, limits: dict[str, str] | None = None, requests: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    resources = {"limits": limits, "requests": requests}
    return {"name": "engine", "resources": {key: value for key, value in resources.items() if value}, **fields}


def pod(**fields: Any) -> dict[str, Any]:
    """A pod of ours that serves on one GPU."""
    spec = {"nodeName": "n1", "containers": [container(limits={GPU: "1"})]} | fields.pop("spec", {})
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-23T01:00:00Z"}]
    metadata = {"name": "p", "namespace": "bank", "uid": "u", "labels": OURS, "creationTimestamp": "2026-11-23T00:59:00Z"}
    return {
        "metadata": metadata | fields.pop("metadata", {}),
        "spec": spec,
        "status": {"phase": "Running", "conditions": conditions} | fields.pop("status", {}),
    }


def seen(**fields: Any) -> PodView:
    view = pod_view(pod(**fields))
    assert view is not None
    return view


def test_a_pod_of_ours() -> None:
    assert seen() == PodView(
        key=NamespacedName("bank", "p"),
        uid="u",
        node="n1",
        devices={GPU: 1},
        created_seconds=1795395540.0,
        workload="chat-abc",
        leader=True,
        ready=True,
        ready_seconds=1795395600.0,
        stage=Stage.SERVING,
        requests=Compute(pods=1),
    )


def test_a_pod_says_what_it_reserves_when_its_grace_ends_and_its_class() -> None:
    requests = {"cpu": "4", "memory": "16Gi", GPU: "1"}
    view = seen(
        spec={"priorityClassName": "modelmatrix-p0", "containers": [container(requests=requests)]},
        metadata={"deletionTimestamp": "2026-11-23T01:00:00Z"},
    )
    assert view.requests == Compute(4000, 16 * 2**30, 0, 1)
    assert view.grace_ends_seconds == 1795395600.0
    assert view.priority_class == "modelmatrix-p0"
    assert seen(status={"phase": "Failed"}).requests == Compute()


def test_a_pod_of_others_counts_for_its_devices() -> None:
    view = seen(metadata={"labels": {"app": "x", names.LABEL_APP_INSTANCE: "chat-abc"}})
    assert (view.workload, view.devices) == ("", {GPU: 1})


@pytest.mark.parametrize("labels", [{}, None, {names.LABEL_DEPLOYMENT: "chat"}, {names.LABEL_MANAGED_BY: names.MANAGED_BY}])
def test_a_pod_of_others_without_devices_does_not_matter(labels: dict[str, str] | None) -> None:
    assert pod_view(pod(metadata={"labels": labels}, spec={"containers": [container(limits={"cpu": "8"})]})) is None


def test_a_worker_without_devices_of_its_own_is_ours() -> None:
    labels = {**OURS, names.LABEL_ROLE: names.ROLE_WORKER, "leaderworkerset.sigs.k8s.io/group-index": "1"}
    view = seen(metadata={"labels": labels}, spec={"containers": []})
    assert (view.leader, view.group, view.devices) == (False, "1", {})


def test_a_pod_that_has_succeeded_holds_nothing() -> None:
    assert pod_view(pod(status={"phase": "Succeeded"})) is None


def test_a_failed_pod_of_ours_holds_nothing_and_keeps_its_reason() -> None:
    view = seen(status={"phase": "Failed", "reason": "OutOfcpu", "message": "Node didn't have enough resource: cpu"})
    assert (view.devices, view.ready, view.stage) == ({}, False, Stage.FAILED)
    assert view.ended_seconds == 1795395600.0
    assert view.problem is not None
    assert view.problem.reason is Reason.NODE_REFUSED


def test_a_failed_pod_of_others_is_nothing() -> None:
    assert pod_view(pod(metadata={"labels": {}}, status={"phase": "Failed", "reason": "Evicted"})) is None


def test_a_pod_that_terminates_still_holds_its_devices() -> None:
    view = seen(metadata={"deletionTimestamp": "2026-11-23T02:00:00Z"})
    assert (view.deleting, view.devices) == (True, {GPU: 1})


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"containers": [container(limits={GPU: "2"}), container(limits={GPU: "1", NPU: "4"})]}, {GPU: 3, NPU: 4}),
        ({"containers": [container(requests={GPU: "2"}, limits={GPU: "2"})]}, {GPU: 2}),
        ({"initContainers": [container(limits={GPU: "4"}), container(limits={GPU: "3"})]}, {GPU: 4}),
        ({"initContainers": [container(limits={NPU: "4"})]}, {GPU: 1, NPU: 4}),
        # A sidecar starts before the others and stays: what it holds is held beside them.
        ({"initContainers": [container(limits={GPU: "2"}, restartPolicy="Always")]}, {GPU: 3}),
        (
            {"initContainers": [container(limits={GPU: "2"}, restartPolicy="Always"), container(limits={GPU: "3"})]},
            {GPU: 5},
        ),
        (
            {"initContainers": [container(limits={GPU: "3"}), container(limits={GPU: "2"}, restartPolicy="Always")]},
            {GPU: 3},
        ),
        ({"containers": [container(limits={GPU: "junk"})]}, {GPU: 0}),
    ],
)
def test_devices_that_a_pod_holds(spec: dict[str, Any], expected: dict[str, int]) -> None:
    assert seen(spec=spec).devices == expected


def test_a_pod_that_is_not_ready_yet() -> None:
    assert seen(status={"conditions": [{"type": "Ready", "status": "False"}]}).ready is False
    assert seen(status={"conditions": []}).ready_seconds == 0.0


RUNNING, STARTING = {"running": {}}, {"waiting": {"reason": "ContainerCreating"}}


@pytest.mark.parametrize(
    ("stage", "fields"),
    [
        (Stage.CREATED, {"spec": {"nodeName": ""}, "status": {"conditions": []}}),
        (Stage.BOUND, {"status": {"conditions": [], "containerStatuses": [{"state": STARTING, "imageID": ""}]}}),
        (
            Stage.PULLED,
            {
                "status": {
                    "conditions": [],
                    "initContainerStatuses": [{"state": RUNNING, "imageID": "sha256:1"}],
                    "containerStatuses": [{"state": {"waiting": {"reason": "PodInitializing"}}}],
                }
            },
        ),
        (Stage.PULLED, {"status": {"conditions": [], "containerStatuses": [{"state": STARTING, "imageID": "sha256:1"}]}}),
        (Stage.STARTED, {"status": {"conditions": [], "containerStatuses": [{"state": RUNNING, "imageID": "sha256:1"}]}}),
        (Stage.SERVING, {}),
        (Stage.DRAINING, {"metadata": {"deletionTimestamp": "2026-11-23T02:00:00Z"}}),
        (Stage.FAILED, {"status": {"phase": "Failed"}, "metadata": {"deletionTimestamp": "2026-11-23T02:00:00Z"}}),
    ],
)
def test_how_far_a_pod_has_come(stage: Stage, fields: dict[str, Any]) -> None:
    assert seen(**fields).stage is stage


def test_a_pod_knows_its_controller_and_since_when_it_has_a_node() -> None:
    owners = [{"uid": "other"}, {"uid": "rs", "controller": True}]
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-23T01:00:00Z"}
    view = seen(metadata={"ownerReferences": owners}, status={"conditions": [scheduled]})
    assert (view.controller_uid, view.bound_seconds) == ("rs", 1795395600.0)


def test_a_replica_set_knows_its_controller() -> None:
    owners = [{"uid": "deployment", "controller": True}]
    item = {"metadata": {"name": "rs", "namespace": "bank", "uid": "rs-uid", "ownerReferences": owners}}
    assert controller_view(item) == ControllerView(NamespacedName("bank", "rs"), "rs-uid", "deployment")
