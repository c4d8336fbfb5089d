"""Snapshots for commands: from the cluster, from documents, or from both, as if the documents were applied."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelmatrix.api import names
from modelmatrix.api.names import Kind
from modelmatrix.catalogue.loader import builtin
from modelmatrix.cli.errors import CliError
from modelmatrix.cli.inputs.kubeconfig import KubeconfigAccess
from modelmatrix.cli.inputs.manifests import Manifests
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.errors import ApiError, NotFound, TransientError
from modelmatrix.cluster.views import objects as projections
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import NamespacedName

OURS = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY},{names.LABEL_DEPLOYMENT}"
READ = (
    (names.MODEL_DEPLOYMENTS, ""),
    (names.ACCELERATOR_POOLS, ""),
    (names.MODEL_PROFILES, ""),
    (names.ENGINE_PROFILES, ""),
    (names.NODES, ""),
    (names.PODS, ""),
    (names.DEPLOYMENTS, OURS),
    (names.LEADER_WORKER_SETS, OURS),
    (names.SERVICES, OURS),
    (names.RUNTIME_CLASSES, ""),
)

Objects = dict[str, list[dict[str, Any]]]


@dataclass(slots=True)
class ClusterObjects:
    """Raw objects by plural name, and the kinds that the API server does not know."""

    objects: Objects = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)

    def snapshot(self, now_seconds: float | None = None) -> Snapshot:
        """The snapshot of these objects."""
        made = {kind.plural: self.objects.get(kind.plural, []) for kind, _ in READ}
        return Snapshot(
            now_seconds=time.time() if now_seconds is None else now_seconds,
            catalogue=builtin().extended(
                dict(_known(map(projections.model_profile, made["modelprofiles"]))),
                dict(_known(map(projections.engine_profile, made["engineprofiles"]))),
            ),
            deployments=tuple(map(projections.deployment_view, made["modeldeployments"])),
            pools=tuple(map(projections.pool_view, made["acceleratorpools"])),
            nodes=tuple(map(projections.node_view, made["nodes"])),
            pods=tuple(_known(map(projections.pod_view, made["pods"]))),
            workloads=tuple(_known(map(projections.workload_view, [*made["deployments"], *made["leaderworkersets"]]))),
            services=tuple(_known(map(projections.service_view, made["services"]))),
            runtime_classes=frozenset(map(projections.runtime_class_name, made["runtimeclasses"])),
            leader_worker_sets="leaderworkersets" not in self.absent,
            real_seconds=time.time(),
        )

    def with_documents(self, documents: Manifests) -> ClusterObjects:
        """This world with the documents applied: objects of the same name keep their status and UID."""
        objects = dict(self.objects)
        for kind in (*(kind for kind, _ in READ[:5]), names.RUNTIME_CLASSES):
            new = {_key(item): item for item in documents.of_kind(kind)}
            old = {_key(item): item for item in objects.get(kind.plural, [])}
            merged = {**old, **{key: _applied(item, old.get(key)) for key, item in new.items()}}
            objects[kind.plural] = list(merged.values())
        return ClusterObjects(objects, self.absent)

    def without_nodes(self, lost: Container[str]) -> ClusterObjects:
        """This world after the loss of nodes, with everything that ran on them."""
        kept = dict(self.objects)
        kept["nodes"] = [node for node in kept.get("nodes", []) if node["metadata"]["name"] not in lost]
        kept["pods"] = [pod for pod in kept.get("pods", []) if (pod.get("spec") or {}).get("nodeName") not in lost]
        return ClusterObjects(kept, self.absent)


def from_manifests(documents: Manifests) -> ClusterObjects:
    """A world of documents only; LeaderWorkerSet is taken for installed."""
    return ClusterObjects().with_documents(documents)


def read_cluster(access: KubeconfigAccess) -> tuple[ClusterObjects, str]:
    """The cluster's world, and the namespace of the user's context.

    Raises:
        CliError: the cluster cannot be reached or read.
    """
    credentials, namespace = access.credentials()
    try:
        return asyncio.run(_read(ApiClient(credentials))), namespace
    except TransientError as error:
        raise access.unreachable(credentials.server, error) from None


async def _read(client: ApiClient) -> ClusterObjects:
    world = ClusterObjects()
    async with client:
        await asyncio.gather(*(_read_kind(client, kind, labels, world) for kind, labels in READ))
    if names.MODEL_DEPLOYMENTS.plural in world.absent:
        raise CliError("the cluster does not know ModelDeployments: install the chart first, or use --offline")
    return world


async def _read_kind(client: ApiClient, kind: Kind, labels: str, world: ClusterObjects) -> None:
    try:
        world.objects[kind.plural], _ = await client.list(kind, labels=labels)
    except NotFound:
        world.absent.add(kind.plural)
    except ApiError as error:
        raise CliError(f"cannot list {kind.plural}: {error}") from None


def _known(items: Iterable[Any]) -> Iterable[Any]:
    return (item for item in items if item is not None)


def _key(item: Mapping[str, Any]) -> NamespacedName:
    metadata = item["metadata"]
    return NamespacedName(metadata.get("namespace", ""), metadata["name"])


def _applied(new: dict[str, Any], old: dict[str, Any] | None) -> dict[str, Any]:
    """A document as the API server would store it over what is there; a new node is taken for ready."""
    key = _key(new)
    if old is None:
        metadata = {"uid": f"{new['kind']}/{key}", "generation": 1, **new["metadata"]}
        return _ready({**new, "metadata": metadata}) if new["kind"] == names.NODES.kind else {**new, "metadata": metadata}
    kept = {name: old["metadata"][name] for name in ("uid", "creationTimestamp") if name in old["metadata"]}
    changed = old.get("spec") != new.get("spec")
    generation = old["metadata"].get("generation", 0) + (1 if changed else 0)
    # Applying a document does not touch the status.
    return {**new, "status": old.get("status") or {}, "metadata": {**new["metadata"], **kept, "generation": generation}}


def _ready(node: dict[str, Any]) -> dict[str, Any]:
    status = node.get("status") or {}
    if status.get("conditions"):
        return node
    return {**node, "status": {**status, "conditions": [{"type": "Ready", "status": "True"}]}}
