"""The objects that a command plans with, and the snapshot of them: from the cluster, from manifests, or from both.

Manifests replace objects of the same name as ``kubectl apply`` would: the object keeps its UID and status, and its generation
rises when its spec changes. A plan of the result is what the operator would plan after the apply.
"""

from __future__ import annotations

import time
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from modelmatrix.api import names
from modelmatrix.catalogue.loader import builtin
from modelmatrix.cli.inputs.manifest_validation import KINDS
from modelmatrix.cli.inputs.manifests import Manifests
from modelmatrix.cluster.views import kinds
from modelmatrix.cluster.views.kinds import PlanningKind, View
from modelmatrix.cluster.views.objects import node_view
from modelmatrix.cluster.views.resources import background_of, other_pod
from modelmatrix.planning.snapshot.ownership import owned_pods
from modelmatrix.planning.snapshot.snapshot import SAFE_DEFAULTS, PlanSettings, Snapshot, TenantDefaults
from modelmatrix.planning.snapshot.views import Compute, NamespacedName, PodView

Objects = dict[str, list[dict[str, Any]]]


@dataclass(slots=True)
class ClusterObjects:
    """Raw objects by plural name.

    ``absent`` are the plural names of kinds that the API server does not know, ``lost_nodes`` nodes that were taken away.
    ``unread`` are kinds that the person may not list in the whole cluster, with the API server's words; of those with
    namespaces there are the objects of one. ``is_live``: they come from a cluster, whose operator has defaults for tenants.
    """

    objects: Objects = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    lost_nodes: list[dict[str, Any]] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    is_live: bool = False

    def snapshot(self, now_seconds: float | None = None) -> Snapshot:
        """The snapshot of these objects; ``now_seconds`` since the epoch decides which schedule windows are open."""
        return Snapshot(
            now_seconds=time.time() if now_seconds is None else now_seconds,
            catalogue=builtin().extended(dict(self._views(kinds.MODELS)), dict(self._views(kinds.ENGINES))),
            deployments=self._views(kinds.DEPLOYMENTS),
            pools=self._views(kinds.POOLS),
            nodes=self._views(kinds.NODES),
            lost_nodes=tuple(map(node_view, self.lost_nodes)),
            pods=self._pods(),
            background=self._background(),
            workloads=(*self._views(kinds.WORKLOADS), *self._views(kinds.GROUPS)),
            services=self._views(kinds.SERVICES),
            network_policies=self._views(kinds.NETWORK_POLICIES),
            runtime_classes=frozenset(self._views(kinds.RUNTIME_CLASSES)),
            tenant_policies=self._views(kinds.TENANT_POLICIES),
            namespaces=self._views(kinds.NAMESPACES),
            settings=PlanSettings(tenancy=self._tenant_defaults()),
            leader_worker_sets=names.LEADER_WORKER_SETS.plural not in self.absent,
            real_seconds=time.time(),
        )

    def _tenant_defaults(self) -> TenantDefaults:
        """The chart's defaults, unless files have no TenantPolicy: then they do not speak of tenants.

        Whoever reads the output may read these objects, so it names all of them.
        """
        speaks = self.is_live or bool(self.objects.get(names.TENANT_POLICIES.plural))
        return replace(SAFE_DEFAULTS if speaks else TenantDefaults(), shows_tenants=True)

    def _pods(self) -> tuple[PodView, ...]:
        """Pods with the workloads that control them; files without ReplicaSets and StatefulSets have only the labels."""
        pods, controllers = self._views(kinds.PODS), (*self._views(kinds.REPLICA_SETS), *self._views(kinds.STATEFUL_SETS))
        if not controllers:
            return pods
        workloads = (*self._views(kinds.WORKLOADS), *self._views(kinds.GROUPS))
        uids = {deployment.uid for deployment in self._views(kinds.DEPLOYMENTS)}
        return owned_pods(pods, controllers, workloads, deployment_uids=uids, known={})

    def _background(self) -> dict[str, Compute]:
        """What pods that no plan reads reserve of their nodes."""
        pods = self.objects.get(kinds.PODS.kind.plural, ())
        others = (other_pod(item) for item in pods if kinds.PODS.project(item) is None)
        return background_of(pod for pod in others if pod is not None)

    def _views(self, read: PlanningKind[View]) -> tuple[View, ...]:
        views = map(read.project, self.objects.get(read.kind.plural, ()))
        return tuple(view for view in views if view is not None)

    def with_manifests(self, manifests: Manifests) -> ClusterObjects:
        """These objects after the manifests were applied."""
        objects = dict(self.objects)
        for kind in KINDS.values():
            new = {_key(document): document for document in manifests.of_kind(kind)}
            old = {_key(stored): stored for stored in objects.get(kind.plural, [])}
            merged = {**old, **{key: _apply(document, old.get(key)) for key, document in new.items()}}
            objects[kind.plural] = list(merged.values())
        return replace(self, objects=objects)

    def without_nodes(self, lost: Container[str]) -> ClusterObjects:
        """These objects after the loss of nodes, with every pod on them."""
        objects, nodes = dict(self.objects), self.objects.get("nodes", [])
        objects["nodes"] = [node for node in nodes if node["metadata"]["name"] not in lost]
        objects["pods"] = [pod for pod in objects.get("pods", []) if (pod.get("spec") or {}).get("nodeName") not in lost]
        return replace(self, objects=objects, lost_nodes=[node for node in nodes if node["metadata"]["name"] in lost])


def from_manifests(manifests: Manifests) -> ClusterObjects:
    """A cluster that holds the manifests only; the LeaderWorkerSet API counts as installed."""
    return ClusterObjects().with_manifests(manifests)


def _key(document: Mapping[str, Any]) -> NamespacedName:
    metadata = document["metadata"]
    return NamespacedName(metadata.get("namespace", ""), metadata["name"])


def _apply(new: dict[str, Any], old: dict[str, Any] | None) -> dict[str, Any]:
    """A document as the API server would store it over the old object; a new node counts as ready."""
    key = _key(new)
    if old is None:
        metadata = {"uid": f"{new['kind']}/{key}", "generation": 1, **new["metadata"]}
        return _ready({**new, "metadata": metadata}) if new["kind"] == names.NODES.kind else {**new, "metadata": metadata}
    retained = {name: old["metadata"][name] for name in ("uid", "creationTimestamp") if name in old["metadata"]}
    changed = old.get("spec") != new.get("spec")
    generation = old["metadata"].get("generation", 0) + (1 if changed else 0)
    return {**new, "status": old.get("status") or {}, "metadata": {**new["metadata"], **retained, "generation": generation}}


def _ready(node: dict[str, Any]) -> dict[str, Any]:
    status = node.get("status") or {}
    if status.get("conditions"):
        return node
    return {**node, "status": {**status, "conditions": [{"type": "Ready", "status": "True"}]}}
