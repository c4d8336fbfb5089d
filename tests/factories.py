"""Objects for tests with sensible defaults: a test sets only the fields that it is about.

The generation is derived from the spec, as the API server raises it with every edit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from modelmatrix.api import names
from modelmatrix.api.accelerator_pool import AcceleratorPoolSpec
from modelmatrix.api.model_deployment import ModelDeploymentSpec
from modelmatrix.api.reasons import Reason
from modelmatrix.api.tenant_policy import TenantPolicySpec
from modelmatrix.catalogue.loader import builtin
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import (
    Component,
    DeploymentView,
    NamespacedName,
    NamespaceView,
    NodeView,
    PodProblem,
    PodView,
    PoolView,
    TenantPolicyView,
    WorkloadView,
)

NOW = 1_790_000_000.0  # a Monday, 14:13:20 UTC
CREATED = NOW - 7200
NAMESPACE = "bank"
POOL_LABEL = "modelmatrix.io/pool"
ASCEND, NVIDIA, ASCEND_310P = "huawei.com/Ascend910", "nvidia.com/gpu", "huawei.com/Ascend310P"

CHIP_LABEL = {ASCEND: "node.kubernetes.io/npu.chip.name", NVIDIA: "nvidia.com/gpu.product"}


def deployment_spec(
    *,
    model: str = "Qwen3-32B",
    quantization: str = "W8A8",
    pools: Iterable[str | Mapping[str, Any]] = ("ascend-a",),
    **fields: Any,
) -> ModelDeploymentSpec:
    """A spec; further fields in camelCase, e.g. ``maxModelLen=4096``; ``source`` and ``secret`` are the model's."""
    source, secret = fields.pop("source", "pvc://weights/model"), fields.pop("secret", None)
    candidates = [{"name": item} if isinstance(item, str) else item for item in pools]
    reference = {"name": model, "source": source, "secretName": secret}
    content = {"model": reference, "quantization": quantization, "pools": candidates} | fields
    return ModelDeploymentSpec.model_validate(content)


def deployment(*, name: str = "assistant", namespace: str = NAMESPACE, **fields: Any) -> DeploymentView:
    """A deployment: fields of the view, or else of its spec; ``spec=None`` makes an unparsable one."""
    own = {key: fields.pop(key) for key in ("spec", "error", "deleting", "status", "created_seconds", "uid") if key in fields}
    generation = fields.pop("generation", None)
    spec = own.pop("spec", ...)
    parsed = deployment_spec(**fields) if spec is ... else spec
    view: dict[str, Any] = {
        "key": NamespacedName(namespace, name),
        "uid": f"uid-{namespace}-{name}",
        "generation": generation or generation_of(parsed),
        "created_seconds": CREATED,
        "spec": parsed,
    }
    return DeploymentView(**(view | own))


def pool(*, name: str = "ascend-a", accelerator: str = "910b-64g", resource: str = "", **fields: Any) -> PoolView:
    """A pool; further fields are its spec's in camelCase, ``limit`` is ``limits.devices``."""
    status, spec = fields.pop("status", {}), fields.pop("spec", ...)
    chip = builtin().accelerator(accelerator)
    content: dict[str, Any] = {
        "accelerator": accelerator,
        "resourceName": resource or (chip.resources[0] if chip else ASCEND),
        "nodeSelector": {POOL_LABEL: name},
    }
    limit = fields.pop("limit", None)
    if limit is not None:
        content["limits"] = {"devices": limit}
    parsed = AcceleratorPoolSpec.model_validate(content | fields) if spec is ... else spec
    return PoolView(name, f"uid-{name}", generation_of(parsed), parsed, "" if parsed else "spec: junk", status=status)


def policy(*, name: str = "tenant", namespaces: Iterable[str] | None = None, **fields: Any) -> TenantPolicyView:
    """A TenantPolicy; further fields are its spec's in camelCase. It selects all namespaces, or those of some names."""
    selector: dict[str, Any] = {}
    if namespaces is not None:
        requirement = {"key": names.LABEL_NAMESPACE_NAME, "operator": "In", "values": list(namespaces)}
        selector = {"matchExpressions": [requirement]}
    status, spec = fields.pop("status", {}), fields.pop("spec", ...)
    content = {"namespaceSelector": selector} | fields
    parsed = TenantPolicySpec.model_validate(content) if spec is ... else spec
    return TenantPolicyView(name, f"uid-{name}", generation_of(parsed), parsed, "" if parsed else "spec: junk", status)


def namespace(name: str = NAMESPACE, **labels: str) -> NamespaceView:
    """A namespace with labels; underscores in their keys stand for slashes."""
    return NamespaceView(name, {key.replace("_", "/"): value for key, value in labels.items()})


def node(*, name: str = "n0", pool: str = "ascend-a", devices: int = 8, resource: str = ASCEND, **fields: Any) -> NodeView:
    """A node; ``healthy`` devices are allocatable, all by default."""
    healthy, labels = fields.pop("healthy", devices), fields.pop("labels", {})
    view: dict[str, Any] = {
        "name": name,
        "labels": {POOL_LABEL: pool} | labels,
        "ready": True,
        "schedulable": True,
        "allocatable": {resource: healthy},
        "capacity": {resource: devices},
    }
    return NodeView(**(view | fields))


def nodes(count: int, *, pool: str = "ascend-a", devices: int = 8, resource: str = ASCEND) -> tuple[NodeView, ...]:
    """Equal nodes of a pool, named after it."""
    return tuple(node(name=f"{pool}-{index}", pool=pool, devices=devices, resource=resource) for index in range(count))


def pod(*, name: str = "pod", node: str = "", devices: int = 1, resource: str = ASCEND, **fields: Any) -> PodView:
    """A pod; a foreign one unless ``workload`` is given."""
    view: dict[str, Any] = {
        "key": NamespacedName(fields.pop("namespace", NAMESPACE), name),
        "uid": f"uid-{name}",
        "node": node,
        "devices": {resource: devices} if devices else {},
        "created_seconds": CREATED,
    }
    return PodView(**(view | fields))


def problem(message: str, reason: str = "ReplicaFailing", component: str = "container", **fields: Any) -> PodProblem:
    """What a component says of a pod or a workload."""
    return PodProblem(Reason(reason), Component(component), message, **fields)


def workload(
    *, name: str = "assistant-0000000", replicas: int = 1, devices: int = 1, nodes: int = 1, **fields: Any
) -> WorkloadView:
    """A workload of ``deployment()``'s default."""
    namespace, deployment_name = fields.pop("namespace", NAMESPACE), fields.pop("deployment", "assistant")
    view: dict[str, Any] = {
        "kind": (names.DEPLOYMENTS if nodes == 1 else names.LEADER_WORKER_SETS).kind,
        "key": NamespacedName(namespace, name),
        "uid": f"uid-{name}",
        "version": "1",
        "owner_uid": f"uid-{namespace}-{deployment_name}",
        "deployment": deployment_name,
        "pool": "ascend-a",
        "quantization": "W8A8",
        "engine": "vLLM-Ascend",
        "replicas": replicas,
        "devices_per_replica": devices,
        "nodes_per_replica": nodes,
        "digest": "",
        "manifest": {},
    }
    return WorkloadView(**(view | fields))


def snapshot(**fields: Any) -> Snapshot:
    """A snapshot of tuples of views, at ``NOW`` and with the built-in catalogue."""
    fields.setdefault("now_seconds", NOW)
    fields.setdefault("catalogue", builtin())
    return Snapshot(**fields)


def generation_of(spec: ModelDeploymentSpec | AcceleratorPoolSpec | TenantPolicySpec | None) -> int:
    """A number that changes with the spec."""
    text = spec.model_dump_json() if spec else ""
    return int(hashlib.sha256(text.encode()).hexdigest()[:7], 16)
