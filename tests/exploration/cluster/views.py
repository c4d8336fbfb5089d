"""What the planner sees of a state: raw objects through the projections of the operator."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from exploration.cluster.model import TICK_SECONDS, Model, Node, Object, Pod, Pool, Server, Service, State, Workload
from factories import ASCEND, NOW, POOL_LABEL
from modelmatrix.api import names
from modelmatrix.api.conditions import timestamp
from modelmatrix.catalogue.loader import builtin
from modelmatrix.cluster.views import objects
from modelmatrix.cluster.views.pods import pod_view
from modelmatrix.planning.plan_cache import PlanCache
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import NamespacedName, NodeView, PodView, ServiceView, WorkloadView

WATCHED = ("models", "workloads", "pods", "nodes")
STRANGER = NamespacedName("others", "training")


@dataclass(frozen=True, slots=True)
class Fleet:
    """What a search begins with: variants of specs, the pools' specs, the first state, and the user's edits in their order.

    An edit names a deployment and the variant that it becomes; ``None`` deletes it. ``faults`` are the kinds that may happen.
    """

    name: str
    variants: tuple[Object, ...]
    pools: tuple[Object, ...]
    start: Server
    edits: tuple[tuple[NamespacedName, int | None], ...] = ()
    faults: tuple[str, ...] = ()
    cache: PlanCache = field(default_factory=PlanCache, compare=False)


def wall_seconds(tick: int) -> float:
    """The time that objects carry at a tick."""
    return NOW + tick * TICK_SECONDS


def seen(state: State) -> Server:
    """The objects as the operator's informers have them."""
    return replace(state.server, **dict(state.stale)) if state.stale else state.server


def snapshot(state: State, fleet: Fleet) -> Snapshot:
    """The snapshot of a cycle at this moment."""
    server = seen(state)
    workloads = {workload.number: workload for workload in server.workloads}
    return Snapshot(
        now_seconds=wall_seconds(state.now),
        catalogue=builtin(),
        deployments=tuple(_model(model, _Raw(fleet.variants[model.variant])) for model in server.models),
        pools=tuple(_pool(pool, _Raw(spec)) for pool, spec in zip(server.pools, fleet.pools, strict=True)),
        nodes=tuple(_node(node) for node in server.nodes),
        pods=tuple(_pods(server, workloads)),
        workloads=tuple(_workload(item, *_counts(item, server)) for item in server.workloads),
        services=tuple(_service(item) for item in server.services),
        failures=dict(state.failures),
        real_seconds=wall_seconds(state.now),
    )


class _Raw(dict[str, Any]):
    """A document that is hashed by its identity: fleets never change theirs."""

    def __init__(self, content: Object) -> None:
        super().__init__(content)
        self._identity = id(content)

    def __hash__(self) -> int:  # type: ignore[override]
        return self._identity

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Raw) and other._identity == self._identity


def _pods(server: Server, workloads: dict[int, Workload]) -> list[PodView]:
    views = [_pod(pod, workloads.get(pod.workload)) for pod in server.pods]
    views += [_stranger(node.name, node.foreign) for node in server.nodes if node.foreign]
    return [view for view in views if view is not None]


def _counts(workload: Workload, server: Server) -> tuple[int, int, int]:
    """Pods that its controller counts: all, those of the present template, and those that serve."""
    live = [pod for pod in server.pods if pod.workload == workload.number and not pod.deleting]
    updated = [pod for pod in live if pod.manifest.digest == workload.manifest.digest]
    return len(live), len(updated), sum(pod.ready for pod in live)


@lru_cache(maxsize=100_000)
def _model(model: Model, spec: _Raw) -> Any:
    metadata = {
        "namespace": model.key.namespace,
        "name": model.key.name,
        "uid": model.uid,
        "generation": model.generation,
        "creationTimestamp": timestamp(NOW - 1000 + model.number),
    }
    return objects.deployment_view({"metadata": metadata, "spec": dict(spec), "status": json.loads(model.status)})


@lru_cache(maxsize=10_000)
def _pool(pool: Pool, spec: _Raw) -> Any:
    metadata = {"name": pool.name, "uid": f"pool-{pool.name}", "generation": 1}
    return objects.pool_view({"metadata": metadata, "spec": dict(spec), "status": json.loads(pool.status)})


@lru_cache(maxsize=1000)
def _node(node: Node) -> NodeView:
    taints = [{"key": "maintenance", "effect": "NoSchedule"}] if node.tainted else []
    resources = {"cpu": "192", "memory": "2Ti", "ephemeral-storage": "8Ti", "pods": "110", ASCEND: str(node.devices)}
    conditions = [{"type": "Ready", "status": "True" if node.ready else "Unknown"}]
    return objects.node_view(
        {
            "metadata": {"name": node.name, "labels": {POOL_LABEL: node.pool}},
            "spec": {"taints": taints},
            "status": {"allocatable": resources, "capacity": resources, "conditions": conditions},
        }
    )


@lru_cache(maxsize=100_000)
def _workload(workload: Workload, live: int, updated: int, ready: int) -> WorkloadView:
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": workload.failure}
    status = {
        "observedGeneration": workload.observed,
        "replicas": live,
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "conditions": [condition] if workload.failure else [],
    }
    return objects.workload_view(stored(workload) | {"status": status})


def stored(workload: Workload) -> Object:
    """A workload as it is stored, without its status."""
    content = workload.manifest.content
    metadata = {**content["metadata"], "uid": workload.uid, "generation": workload.generation}
    strategy = {"maxSurge": int(workload.surge), "maxUnavailable": int(not workload.surge)}
    update = {"strategy": {"type": "RollingUpdate", "rollingUpdate": strategy}}
    return {**content, "metadata": metadata, "spec": {**content["spec"], "replicas": workload.replicas, **update}}


@lru_cache(maxsize=100_000)
def _service(service: Service) -> ServiceView:
    content = service.manifest.content
    return objects.service_view({**content, "metadata": {**content["metadata"], "uid": f"service-{service.number}"}})


@lru_cache(maxsize=100_000)
def _pod(pod: Pod, workload: Workload | None) -> PodView | None:
    template = pod.manifest.content["spec"]["template"]
    name = workload.key.name if workload else pod.manifest.content["metadata"]["name"]
    controller = {"kind": "ReplicaSet", "name": f"{name}-{pod.manifest.digest}", "controller": True}
    metadata = {
        **template["metadata"],
        "namespace": pod.manifest.content["metadata"]["namespace"],
        "name": f"{name}-{pod.number}",
        "uid": pod.uid,
        "creationTimestamp": timestamp(wall_seconds(pod.created)),
        "ownerReferences": [{**controller, "uid": f"replicaset-{pod.workload}-{pod.manifest.digest}"}],
    }
    if pod.deleting:
        metadata["deletionTimestamp"] = timestamp(wall_seconds(pod.created))
    if pod.marked:
        metadata["annotations"] = {**metadata.get("annotations", {}), names.DELETION_COST: "-1000"}
    return pod_view({"metadata": metadata, "spec": {**template["spec"], "nodeName": pod.node}, "status": _pod_status(pod)})


def _pod_status(pod: Pod) -> Object:
    conditions = [{"type": "Ready", "status": str(pod.ready), "lastTransitionTime": timestamp(wall_seconds(pod.created))}]
    if not pod.node:
        scheduled = {"status": "False", "reason": "Unschedulable", "message": pod.problem} if pod.problem else {}
        return {"phase": "Pending", "conditions": [{"type": "PodScheduled", **scheduled}] if scheduled else []}
    waiting = {"reason": "ImagePullBackOff", "message": pod.problem} if pod.problem else {"reason": "ContainerCreating"}
    state = {"running": {}} if pod.ready else {"waiting": waiting}
    containers = [{"name": "engine", "ready": pod.ready, "restartCount": 0, "state": state}]
    scheduled = {"type": "PodScheduled", "status": "True"}
    return {
        "phase": "Running" if pod.ready else "Pending",
        "conditions": [scheduled, *conditions],
        "containerStatuses": containers,
    }


@lru_cache(maxsize=1000)
def _stranger(node: str, devices: int) -> PodView | None:
    metadata = {"namespace": STRANGER.namespace, "name": f"{STRANGER.name}-{node}", "uid": f"{STRANGER.name}-{node}"}
    resources = {"limits": {ASCEND: str(devices)}, "requests": {ASCEND: str(devices)}}
    spec = {"nodeName": node, "containers": [{"name": "train", "resources": resources}]}
    return pod_view(
        {"metadata": {**metadata, "creationTimestamp": timestamp(NOW)}, "spec": spec, "status": {"phase": "Running"}}
    )
