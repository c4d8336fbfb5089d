from __future__ import annotations

from typing import Any

import pytest

from modelmatrix.api import names
from modelmatrix.cluster.views.pods import pod_view
from modelmatrix.planning.snapshot.views import NamespacedName, PodView

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
    )


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


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_holds_nothing(phase: str) -> None:
    assert pod_view(pod(status={"phase": phase})) is None


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


def test_a_pod_that_cannot_be_scheduled_quotes_the_scheduler() -> None:
    reason = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}
    view = seen(spec={"nodeName": ""}, status={"conditions": [reason]})
    assert (view.problem, view.failing) == ("0/3 nodes are available", False)


@pytest.mark.parametrize(
    ("status", "problem", "failing"),
    [
        ({"state": {"running": {}}, "ready": True, "restartCount": 9}, "", False),
        ({"state": {"running": {}}, "ready": False, "restartCount": 2}, "", False),
        ({"state": {"running": {}}, "ready": False, "restartCount": 3}, "container engine was restarted 3 times", True),
        ({"state": {"waiting": {"reason": "ContainerCreating"}}}, "", False),
        (
            {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such tag"}}},
            "ImagePullBackOff: no such tag",
            True,
        ),
        (
            {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 137}}},
            "CrashLoopBackOff; the container ended with exit code 137",
            True,
        ),
        ({"state": None, "lastState": None}, "", False),
    ],
)
@pytest.mark.parametrize("place", ["containerStatuses", "initContainerStatuses"])
def test_what_keeps_a_pod_from_serving(place: str, status: dict[str, Any], problem: str, *, failing: bool) -> None:
    view = seen(status={place: [{"name": "engine", **status}]})
    assert (view.problem, view.failing) == (problem, failing)
