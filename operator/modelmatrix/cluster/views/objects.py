"""Views of raw objects: the fields that the planner reads, and nothing else.

Every projection is total: for an object that it cannot read it returns a view with the error, or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from modelmatrix.api import names
from modelmatrix.api.accelerator_pool import AcceleratorPoolSpec
from modelmatrix.api.conditions import parse_timestamp
from modelmatrix.api.model_deployment import ModelDeploymentSpec, Parallelism
from modelmatrix.api.profiles import EngineProfileSpec, ModelProfileSpec
from modelmatrix.api.quantity import count
from modelmatrix.api.reasons import Reason
from modelmatrix.api.tenant_policy import TenantPolicySpec
from modelmatrix.cluster.views.pods import controller_uid, pod_view
from modelmatrix.cluster.views.resources import device_counts, node_compute
from modelmatrix.cluster.views.tolerant import ignore_object, tolerant
from modelmatrix.planning.snapshot.problem_reasons import reason_for, stable_words
from modelmatrix.planning.snapshot.views import (
    Component,
    DeploymentView,
    NamespacedName,
    NamespaceView,
    NodeView,
    PodProblem,
    PoolView,
    ServiceView,
    Taint,
    TenantPolicyView,
    WorkloadView,
)

Object = Mapping[str, Any]

__all__ = [
    "deployment_view",
    "engine_profile",
    "model_profile",
    "namespace_view",
    "node_view",
    "parse_spec",
    "pod_view",
    "pool_view",
    "runtime_class_name",
    "service_view",
    "tenant_policy_view",
    "workload_view",
]


def _unreadable_deployment(item: Object, error: str) -> DeploymentView:
    return DeploymentView(_key(item["metadata"]), uid=_uid(item), generation=0, created_seconds=0.0, spec=None, error=error)


def _unreadable_pool(item: Object, error: str) -> PoolView:
    return PoolView(item["metadata"]["name"], uid=_uid(item), generation=0, spec=None, error=error)


def _unreadable_node(item: Object, _error: str) -> NodeView:
    return NodeView(item["metadata"]["name"], {}, ready=False, schedulable=False, allocatable={}, capacity={})


@tolerant(_unreadable_deployment)
def deployment_view(item: Object) -> DeploymentView:
    """A ModelDeployment; one whose spec is invalid has no ``spec`` but an ``error``."""
    metadata = item["metadata"]
    spec, error = parse_spec(ModelDeploymentSpec, item.get("spec"))
    return DeploymentView(
        key=_key(metadata),
        uid=metadata.get("uid", ""),
        generation=metadata.get("generation", 0),
        created_seconds=parse_timestamp(metadata.get("creationTimestamp", "")),
        spec=spec,
        error=error,
        deleting="deletionTimestamp" in metadata,
        paused=_is_paused(metadata),
        status={**(item.get("status") or {})},
    )


@tolerant(_unreadable_pool)
def pool_view(item: Object) -> PoolView:
    """An AcceleratorPool; one whose spec is invalid has no ``spec`` but an ``error``."""
    metadata = item["metadata"]
    spec, error = parse_spec(AcceleratorPoolSpec, item.get("spec"))
    return PoolView(
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        generation=metadata.get("generation", 0),
        spec=spec,
        error=error,
        paused=_is_paused(metadata),
        status={**(item.get("status") or {})},
    )


def _unreadable_policy(item: Object, error: str) -> TenantPolicyView:
    return TenantPolicyView(item["metadata"]["name"], uid=_uid(item), generation=0, spec=None, error=error)


@tolerant(_unreadable_policy)
def tenant_policy_view(item: Object) -> TenantPolicyView:
    """A TenantPolicy; one whose spec is invalid has no ``spec`` but an ``error``."""
    metadata = item["metadata"]
    spec, error = parse_spec(TenantPolicySpec, item.get("spec"))
    return TenantPolicyView(
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        generation=metadata.get("generation", 0),
        spec=spec,
        error=error,
        status={**(item.get("status") or {})},
    )


@tolerant(ignore_object)
def namespace_view(item: Object) -> NamespaceView:
    """A namespace: TenantPolicies select it by its labels."""
    return NamespaceView(item["metadata"]["name"], {**(item["metadata"].get("labels") or {})})


@tolerant(ignore_object)
def model_profile(item: Object) -> tuple[str, ModelProfileSpec] | None:
    """A ModelProfile: its name and spec; nothing when the spec is invalid."""
    spec, _ = parse_spec(ModelProfileSpec, item.get("spec"))
    return None if spec is None else (item["metadata"]["name"], spec)


@tolerant(ignore_object)
def engine_profile(item: Object) -> tuple[str, EngineProfileSpec] | None:
    """An EngineProfile: its name and spec; nothing when the spec is invalid."""
    spec, _ = parse_spec(EngineProfileSpec, item.get("spec"))
    return None if spec is None else (item["metadata"]["name"], spec)


def runtime_class_name(item: Object) -> str:
    """The name of a RuntimeClass; the planner needs nothing else of it."""
    return str(item["metadata"]["name"])


@tolerant(_unreadable_node)
def node_view(item: Object) -> NodeView:
    """A node with its extended resources only, i.e. those whose names contain a slash."""
    metadata, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ())
    return NodeView(
        name=metadata["name"],
        labels=metadata.get("labels") or {},
        ready=ready,
        schedulable=not spec.get("unschedulable", False),
        allocatable=device_counts(status.get("allocatable")),
        capacity=device_counts(status.get("capacity")),
        taints=tuple(map(_taint, spec.get("taints") or ())),
        compute=node_compute(status.get("allocatable")),
    )


@tolerant(ignore_object)
def workload_view(item: Object) -> WorkloadView:
    """A Deployment or LeaderWorkerSet that the operator manages.

    ``version`` changes with the spec (generation), the labels, the annotations and the owners, and with nothing else.
    """
    metadata, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    groups = spec.get("leaderWorkerTemplate") or {}
    template = groups.get("leaderTemplate") or groups.get("workerTemplate") or spec.get("template") or {}
    nodes = int(groups.get("size") or 1)
    return WorkloadView(
        kind=item.get("kind") or (names.LEADER_WORKER_SETS.kind if groups else names.DEPLOYMENTS.kind),
        key=_key(metadata),
        uid=metadata.get("uid", ""),
        version=f"{metadata.get('generation', 0)}-{hash(repr((labels, annotations, metadata.get('ownerReferences'))))}",
        owner_uid=controller_uid(metadata),
        deployment=labels.get(names.LABEL_DEPLOYMENT, ""),
        pool=labels.get(names.LABEL_POOL, ""),
        quantization=labels.get(names.LABEL_QUANTIZATION, ""),
        engine=labels.get(names.LABEL_ENGINE, ""),
        replicas=int(spec.get("replicas", 1)),
        devices_per_replica=nodes * _pod_devices(template),
        nodes_per_replica=nodes,
        digest=annotations.get(names.ANNOTATION_DIGEST, ""),
        template_digest=annotations.get(names.ANNOTATION_TEMPLATE, ""),
        spec_digest=annotations.get(names.ANNOTATION_SPEC, ""),
        manifest=_manifest(item),
        image=_image(template),
        parallelism=_parallelism(template),
        deleting="deletionTimestamp" in metadata,
        failure=_condition_problem(status, "ReplicaFailure", "True"),
        overdue=_condition_problem(status, "Progressing", "False"),
        paused=bool(spec.get("paused", False)),
        created_seconds=parse_timestamp(metadata.get("creationTimestamp", "")),
        rolling=_is_rolling(metadata, spec, status),
        outdated=int(status.get("updatedReplicas", 0)) < int(status.get("replicas", 0)) or _is_unobserved(metadata, status),
    )


@tolerant(ignore_object)
def service_view(item: Object) -> ServiceView:
    """A Service that the operator manages."""
    metadata = item["metadata"]
    manifest = _manifest(item)
    return ServiceView(
        key=_key(metadata),
        uid=metadata.get("uid", ""),
        version=str(hash(repr(manifest))),
        owner_uid=controller_uid(metadata),
        digest=(metadata.get("annotations") or {}).get(names.ANNOTATION_DIGEST, ""),
        manifest=manifest,
        deleting="deletionTimestamp" in metadata,
    )


def parse_spec(kind: Any, content: Any) -> tuple[Any, str]:
    """The spec, or ``None`` and the first error, which names the field."""
    try:
        return kind.model_validate(content), ""
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in ("spec", *first["loc"]))
        return None, f"{where}: {first['msg']}"


def _is_paused(metadata: Object) -> bool:
    return str((metadata.get("annotations") or {}).get(names.ANNOTATION_PAUSED, "")).lower() == "true"


def _key(metadata: Object) -> NamespacedName:
    return NamespacedName(metadata.get("namespace", ""), metadata["name"])


def _uid(item: Object) -> str:
    return str(item["metadata"].get("uid", ""))


def _taint(taint: Object) -> Taint:
    return Taint(str(taint["key"]), str(taint.get("value") or ""), str(taint.get("effect", "")))


def _pod_devices(template: Object) -> int:
    containers = (template.get("spec") or {}).get("containers") or ()
    limits = [container.get("resources", {}).get("limits") or {} for container in containers]
    return sum(count(value) for resources in limits for name, value in resources.items() if "/" in name)


def _image(template: Object) -> str:
    containers = (template.get("spec") or {}).get("containers") or ()
    return str(containers[0].get("image", "")) if containers else ""


def _parallelism(template: Object) -> Parallelism:
    """The parallelism of a replica from its pod template's annotation; one rank without it."""
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    degrees = str(annotations.get(names.ANNOTATION_PARALLELISM, "")).split(",")
    try:
        return Parallelism.model_validate(dict(zip(Parallelism.model_fields, degrees, strict=True)))
    except ValueError:
        return Parallelism()


def _manifest(item: Object) -> dict[str, Any]:
    """The stored object without status, managedFields and resourceVersion, which change without a change of the manifest."""
    metadata = {key: value for key, value in item["metadata"].items() if key not in ("managedFields", "resourceVersion")}
    return {key: value for key, value in item.items() if key != "status"} | {"metadata": metadata}


def _condition_problem(status: Object, type_: str, bad: str) -> PodProblem | None:
    """What a Deployment's controller says of its pods in a condition; nothing while the condition is not ``bad``."""
    conditions = status.get("conditions") or ()
    found = next((c for c in conditions if c.get("type") == type_ and c.get("status") == bad), None)
    if found is None:
        return None
    word, message = str(found.get("reason") or ""), str(found.get("message") or "")
    words = stable_words("", message) or word
    since_seconds = parse_timestamp(found.get("lastTransitionTime") or "")
    return PodProblem(reason_for(word, message, Reason.REPLICA_FAILING), Component.CONTROLLER, words, since_seconds)


def _is_rolling(metadata: Object, spec: Object, status: Object) -> bool:
    """Whether pods of an older template still exist, with or without a surge replica.

    A generation that the controller has not observed yet may be a new template, unless replicas are being removed. The
    status of a LeaderWorkerSet has no observedGeneration.
    """
    desired, current, updated = (
        int(spec.get("replicas", 1)),
        int(status.get("replicas", 0)),
        int(status.get("updatedReplicas", 0)),
    )
    return updated < max(desired, current) or (_is_unobserved(metadata, status) and current <= desired)


def _is_unobserved(metadata: Object, status: Object) -> bool:
    generation: int = metadata.get("generation", 0)
    observed: int = status.get("observedGeneration", generation)
    return observed < generation
