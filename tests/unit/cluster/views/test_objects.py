from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import example, given, settings

from fakes.malformed_objects import objects
from modelmatrix.api import names
from modelmatrix.api.names import LABEL_DEPLOYMENT, LABEL_ENGINE, LABEL_POOL, LABEL_QUANTIZATION
from modelmatrix.cluster.views import objects as projections
from modelmatrix.planning.snapshot.views import Compute, NamespacedName, NamespaceView, Taint

METADATA = {"name": "chat", "namespace": "bank", "uid": "u1", "generation": 3, "creationTimestamp": "2026-11-23T01:00:00Z"}
ALL: list[Callable[[Any], object]] = [
    projections.deployment_view,
    projections.pool_view,
    projections.model_profile,
    projections.engine_profile,
    projections.runtime_class_name,
    projections.node_view,
    projections.pod_view,
    projections.workload_view,
    projections.service_view,
    projections.tenant_policy_view,
    projections.namespace_view,
]


@pytest.mark.parametrize("project", ALL, ids=lambda function: function.__name__)
@settings(max_examples=60)
@given(item=objects())
@example(item={"metadata": {"name": "x"}})
@example(
    item={"metadata": {"name": "x", "labels": None, "annotations": None, "ownerReferences": None}, "spec": None, "status": None}
)
@example(
    item={"metadata": {"name": "x", "creationTimestamp": None}, "spec": {"replicas": None}, "status": {"conditions": None}}
)
@example(item={"metadata": {"name": "x", "ownerReferences": [{"controller": True}, 5]}, "spec": [], "status": "?"})
def test_every_object_gives_a_view_or_nothing(project: Callable[[Any], object], item: dict[str, Any]) -> None:
    before = deepcopy(item)
    project(item)
    assert repr(item) == repr(before), "a projection must not change what it reads"


def test_a_deployment_that_cannot_be_read_says_why() -> None:
    view = projections.deployment_view({"metadata": {**METADATA, "creationTimestamp": 5}})
    assert view.key == NamespacedName("bank", "chat")
    assert view.spec is None
    assert "unknown form" in view.error


def test_a_deployment() -> None:
    spec = {"model": {"name": "Qwen3-32B", "source": "pvc://w/m"}, "quantization": "FP8", "pools": [{"name": "a"}]}
    view = projections.deployment_view({"metadata": METADATA, "spec": spec, "status": {"replicas": 1}})
    assert (view.key, view.uid, view.generation, view.created_seconds) == (
        NamespacedName("bank", "chat"),
        "u1",
        3,
        1795395600.0,
    )
    assert view.spec is not None
    assert view.spec.model.name == "Qwen3-32B"
    assert (view.error, view.deleting, view.status) == ("", False, {"replicas": 1})


def test_a_spec_that_cannot_be_parsed_names_its_field() -> None:
    view = projections.deployment_view({"metadata": METADATA, "spec": {"model": {"name": 5}, "pools": []}})
    assert view.spec is None
    assert view.error.startswith("spec.model.name: ")


def test_a_deployment_without_a_spec_says_so() -> None:
    assert projections.deployment_view({"metadata": METADATA}).error.startswith("spec: ")


def test_a_deployment_that_is_deleted() -> None:
    assert projections.deployment_view({"metadata": {**METADATA, "deletionTimestamp": "x"}}).deleting


def test_a_pool() -> None:
    spec = {"accelerator": "910b-64g", "resourceName": "huawei.com/Ascend910", "nodeSelector": {"pool": "a"}}
    view = projections.pool_view({"metadata": METADATA, "spec": spec, "status": {"devices": {}}})
    assert view.spec is not None
    assert (view.name, view.uid, view.generation, view.spec.accelerator) == ("chat", "u1", 3, "910b-64g")
    assert projections.pool_view({"metadata": METADATA, "spec": {}}).error.startswith("spec.accelerator: ")


def test_a_policy_and_one_that_cannot_be_parsed() -> None:
    item = {
        "metadata": {"name": "desk", "uid": "u", "generation": 3},
        "spec": {"namespaceSelector": {}, "highestPriority": "P1"},
    }
    view = projections.tenant_policy_view(item)
    assert (view.name, view.uid, view.generation, view.error) == ("desk", "u", 3, "")
    assert view.spec is not None
    assert view.spec.highest_priority == "P1"
    broken = projections.tenant_policy_view(item | {"spec": {}})
    assert (broken.spec, broken.error) == (None, "spec.namespaceSelector: Field required")


def test_a_namespace_is_its_labels() -> None:
    item = {"metadata": {"name": "desk", "labels": {"unit": "trading"}}, "status": {"phase": "Active"}}
    assert projections.namespace_view(item) == NamespaceView("desk", {"unit": "trading"})
    assert projections.namespace_view({"metadata": {"name": "desk"}}) == NamespaceView("desk", {})


def test_profiles_that_cannot_be_parsed_are_left_out() -> None:
    assert projections.model_profile({"metadata": METADATA, "spec": {"layers": "many"}}) is None
    assert projections.engine_profile({"metadata": METADATA, "spec": {}}) is None


def test_an_engine_profile() -> None:
    found = projections.engine_profile(
        {"metadata": METADATA, "spec": {"base": "vLLM", "images": [{"accelerator": "a", "image": "b"}]}}
    )
    assert found is not None
    assert (found[0], found[1].base) == ("chat", "vLLM")


def test_a_node_counts_its_devices_and_nothing_else() -> None:
    resources = {"cpu": "64", "nvidia.com/gpu": "8", "huawei.com/Ascend910": "1e1"}
    item = {
        "metadata": {**METADATA, "labels": {"pool": "a"}},
        "status": {
            "allocatable": {**resources, "nvidia.com/gpu": "7"},
            "capacity": resources,
            "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "now"}],
        },
    }
    view = projections.node_view(item)
    assert (view.ready, view.schedulable, view.labels) == (True, True, {"pool": "a"})
    assert view.allocatable == {"nvidia.com/gpu": 7, "huawei.com/Ascend910": 10}
    assert view.capacity == {"nvidia.com/gpu": 8, "huawei.com/Ascend910": 10}


def test_a_node_says_its_taints_and_what_it_offers_beside_devices() -> None:
    taints = [{"key": "dedicated", "value": "training", "effect": "NoSchedule"}, {"key": "gpu", "effect": "NoExecute"}]
    offered = {"cpu": "63500m", "memory": "512Gi", "ephemeral-storage": "100Gi", "pods": "110", "nvidia.com/gpu": "8"}
    item = {"metadata": METADATA, "spec": {"taints": taints}, "status": {"allocatable": offered}}
    view = projections.node_view(item)
    assert view.taints == (Taint("dedicated", "training", "NoSchedule"), Taint("gpu", "", "NoExecute"))
    assert [str(taint) for taint in view.taints] == ["dedicated=training:NoSchedule", "gpu:NoExecute"]
    assert view.compute == Compute(63500, 512 * 2**30, 100 * 2**30, 110)
    del offered["pods"]
    assert projections.node_view(item).compute is None, "what a node does not say is not known"


def test_a_heartbeat_is_no_change() -> None:
    def node(time: str) -> dict[str, Any]:
        condition = {"type": "Ready", "status": "True", "lastHeartbeatTime": time}
        return {"metadata": {**METADATA, "resourceVersion": time}, "status": {"conditions": [condition]}}

    assert projections.node_view(node("1")) == projections.node_view(node("2"))


@pytest.mark.parametrize("status", ["False", "Unknown"])
def test_a_node_that_is_not_ready(status: str) -> None:
    item = {
        "metadata": METADATA,
        "spec": {"unschedulable": True},
        "status": {"conditions": [{"type": "Ready", "status": status}]},
    }
    view = projections.node_view(item)
    assert (view.ready, view.schedulable) == (False, False)


LABELS = {LABEL_DEPLOYMENT: "chat", LABEL_POOL: "a", LABEL_QUANTIZATION: "FP8", LABEL_ENGINE: "vLLM"}
ENGINE = {"resources": {"limits": {"nvidia.com/gpu": "2", "cpu": "8"}}}


def workload(**fields: Any) -> dict[str, Any]:
    """A Deployment of ours as the API server stores it."""
    metadata = {
        **METADATA,
        "labels": LABELS,
        "annotations": {names.ANNOTATION_DIGEST: "d1"},
        "ownerReferences": [{"uid": "other"}, {"uid": "owner", "controller": True}],
        "managedFields": [{}],
        "resourceVersion": "7",
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata | fields.pop("metadata", {}),
        "spec": {"replicas": 2, "template": {"spec": {"containers": [ENGINE, {}]}}} | fields.pop("spec", {}),
        "status": {"observedGeneration": 3, "updatedReplicas": 2} | fields.pop("status", {}),
    }


def test_a_workload() -> None:
    view = projections.workload_view(workload())
    assert view is not None
    assert (view.kind, view.owner_uid, view.deployment, view.pool) == ("Deployment", "owner", "chat", "a")
    assert (view.quantization, view.engine, view.digest) == ("FP8", "vLLM", "d1")
    assert (view.replicas, view.devices_per_replica, view.nodes_per_replica) == (2, 2, 1)
    assert (view.deleting, view.failure, view.rolling) == (False, None, False)
    assert (view.overdue, view.paused) == (None, False)
    assert "status" not in view.manifest
    assert not {"managedFields", "resourceVersion"} & view.manifest["metadata"].keys()


def test_a_group_of_nodes() -> None:
    template = {"spec": {"containers": [{"resources": {"limits": {"huawei.com/Ascend910": "8"}}}]}}
    spec = {"replicas": 3, "leaderWorkerTemplate": {"size": 2, "workerTemplate": template}}
    view = projections.workload_view({"kind": "LeaderWorkerSet", "metadata": METADATA, "spec": spec})
    assert view is not None
    assert (view.kind, view.replicas, view.nodes_per_replica, view.devices_per_replica) == ("LeaderWorkerSet", 3, 2, 16)


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"labels": {**LABELS, LABEL_POOL: "b"}}},
        {"metadata": {"annotations": {names.ANNOTATION_DIGEST: "d2"}}},
        {"metadata": {"ownerReferences": []}},
        {"metadata": {"generation": 4}},
    ],
)
def test_the_version_of_a_workload_is_that_of_what_was_applied(change: dict[str, Any]) -> None:
    before, after = projections.workload_view(workload()), projections.workload_view(workload(**change))
    assert before is not None
    assert after is not None
    assert before.version != after.version


def test_a_change_of_a_workloads_counts_is_no_change_of_its_view() -> None:
    counts = {"replicas": 2, "readyReplicas": 1, "conditions": [{"type": "Available", "status": "False"}]}
    moved = {"metadata": {"resourceVersion": "8", "managedFields": [1]}}
    assert projections.workload_view(workload()) == projections.workload_view(workload(status=counts, **moved))


@pytest.mark.parametrize(
    ("status", "rolling"),
    [
        ({"observedGeneration": 3, "updatedReplicas": 2}, False),
        ({"observedGeneration": 3, "updatedReplicas": 3}, False),
        ({"observedGeneration": 2, "updatedReplicas": 2}, True),
        ({"observedGeneration": 3, "updatedReplicas": 1}, True),
        ({"observedGeneration": 3, "updatedReplicas": 2, "replicas": 3}, True),
        ({"observedGeneration": 3, "updatedReplicas": 2, "replicas": 2}, False),
        ({"observedGeneration": 3}, True),
        ({}, True),
        ({"updatedReplicas": 2, "replicas": 2}, False),
        ({"observedGeneration": 2, "updatedReplicas": 3, "replicas": 3}, False),
    ],
)
def test_a_workload_rolls_while_old_pods_are_there(status: dict[str, Any], *, rolling: bool) -> None:
    view = projections.workload_view({**workload(), "status": status})
    assert view is not None
    assert view.rolling is rolling


REFUSED = [
    ('pods "c-x7" is forbidden: exceeded quota: gpus, requested: 8, used: 0, limited: 4', "QuotaExceeded"),
    ('pods "c-x7" is forbidden: failed quota: all: must specify limits.cpu for: engine', "QuotaExceeded"),
    ('pods "c-x7" is forbidden: maximum memory usage per Container is 8Gi, but limit is 64Gi', "LimitRangeViolated"),
    ('pods "c-x7" is forbidden: cpu max limit to request ratio per Container is 2', "LimitRangeViolated"),
    ('pods "c-x7" is forbidden: violates PodSecurity "restricted:latest": host namespaces', "PodSecurityViolated"),
    ('pods "c-x7" is forbidden: no PriorityClass with name modelmatrix-p0 was found', "PriorityClassMissing"),
    ('pods "c-x7" is forbidden: pod rejected: RuntimeClass "ascend" not found', "RuntimeClassMissing"),
    ('pods "c-x7" is forbidden: error looking up service account b/x: serviceaccount "x" not found', "ServiceAccountMissing"),
    ('admission webhook "deny.io" denied the request: no', "AdmissionDenied"),
    ("pods \"c-x7\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no", "AdmissionDenied"),
    ('pods "c-x7" is forbidden: something new', "AdmissionDenied"),
    ('Internal error occurred: failed calling webhook "w.io": connection refused', "WebhookFailing"),
    ("something new", "ReplicaFailing"),
]


@pytest.mark.parametrize(("message", "reason"), REFUSED)
def test_a_workload_that_cannot_make_pods_quotes_why(message: str, reason: str) -> None:
    refused = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    solved = {"type": "ReplicaFailure", "status": "False", "message": "old"}
    view = projections.workload_view(workload(status={"conditions": [solved, refused]}))
    assert view is not None
    assert view.failure is not None
    assert (view.failure.reason, view.failure.component) == (reason, "controller")
    assert view.failure.message == message.replace('pods "c-x7" is forbidden', "pods are forbidden")
    healthy = projections.workload_view(workload(status={"conditions": [solved]}))
    assert healthy is not None
    assert healthy.failure is None


@pytest.mark.parametrize(
    ("word", "status", "reason"),
    [
        ("ProgressDeadlineExceeded", "False", "ProgressDeadlineExceeded"),
        ("ReplicaSetCreateError", "False", "ReplicaFailing"),
        ("NewReplicaSetAvailable", "True", None),
        ("DeploymentPaused", "Unknown", None),
    ],
)
def test_a_rollout_past_its_deadline_is_quoted(word: str, status: str, reason: str | None) -> None:
    words = 'ReplicaSet "c-7" has timed out progressing.'
    condition = {"type": "Progressing", "status": status, "reason": word, "message": words}
    view = projections.workload_view(workload(status={"conditions": [condition]}))
    assert view is not None
    assert (view.overdue and (view.overdue.reason, view.overdue.message)) == (reason and (reason, words))


def test_a_deployment_that_somebody_paused_is_seen() -> None:
    view = projections.workload_view(workload(spec={"paused": True}))
    assert view is not None
    assert view.paused


@pytest.mark.parametrize(
    ("said", "cut"), [("8,2,1,1", (8, 2, 1, 1)), ("8,2", (1, 1, 1, 1)), ("8,2,1,x", (1, 1, 1, 1)), ("", (1, 1, 1, 1))]
)
def test_the_image_and_the_cut_of_a_workload_are_those_of_its_pods(said: str, cut: tuple[int, ...]) -> None:
    template = {
        "metadata": {"annotations": {names.ANNOTATION_PARALLELISM: said}},
        "spec": {"containers": [{"image": "vllm:1", "resources": {"limits": {"nvidia.com/gpu": "8"}}}]},
    }
    view = projections.workload_view({"kind": "Deployment", "metadata": METADATA, "spec": {"template": template}})
    assert view is not None
    assert (view.image, tuple(view.parallelism.model_dump().values())) == ("vllm:1", cut)


def test_a_service() -> None:
    view = projections.service_view({"metadata": {**METADATA, "annotations": {names.ANNOTATION_DIGEST: "d"}}, "spec": {"a": 1}})
    assert view is not None
    assert (view.key, view.digest, view.manifest["spec"]) == (NamespacedName("bank", "chat"), "d", {"a": 1})


def test_a_runtime_class() -> None:
    assert projections.runtime_class_name({"metadata": {"name": "ascend"}}) == "ascend"


@pytest.mark.parametrize(
    ("status", "outdated"),
    [
        ({"observedGeneration": 3, "updatedReplicas": 2, "replicas": 2}, False),
        ({"observedGeneration": 3, "updatedReplicas": 1, "replicas": 1}, False),  # a pod is missing
        ({"observedGeneration": 3, "updatedReplicas": 1, "replicas": 2}, True),
        ({"observedGeneration": 2, "updatedReplicas": 2, "replicas": 2}, True),
    ],
)
def test_a_workload_is_outdated_only_while_pods_of_an_older_template_exist(status: dict[str, Any], *, outdated: bool) -> None:
    view = projections.workload_view({**workload(), "status": status})
    assert view is not None
    assert view.outdated is outdated


@pytest.mark.parametrize("value", ["true", "True", "false", "", "yes"])
def test_people_pause_a_deployment_or_a_pool_by_an_annotation(value: str) -> None:
    item = {"metadata": {"name": "x", "namespace": "bank", "annotations": {"modelmatrix.io/paused": value}}, "spec": {}}
    expected = value.lower() == "true"
    assert projections.deployment_view(item).paused is expected
    assert projections.pool_view(item).paused is expected
