"""Workloads of a target: a Deployment for replicas of one node, a LeaderWorkerSet for groups of nodes; and the Service."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from modelmatrix.api import names
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.catalogue.engines import Engine
from modelmatrix.planning.rendering.manifest import Manifest, digest
from modelmatrix.planning.rendering.pod import pod_annotations, pod_spec
from modelmatrix.planning.rendering.workload_target import WorkloadTarget
from modelmatrix.planning.snapshot.snapshot import PlanSettings
from modelmatrix.planning.snapshot.views import DeploymentView

HTTP_PORT = 80
SURGE: Manifest = {"maxSurge": 1, "maxUnavailable": 0}
IN_PLACE: Manifest = {"maxSurge": 0, "maxUnavailable": 1}


@lru_cache(maxsize=8192)
def workload_template(catalogue: Catalogue, settings: PlanSettings, target: WorkloadTarget) -> tuple[Manifest, str]:
    """The workload without its number of replicas and its update strategy, and the digest of that.

    Callers must not change the manifest: it is remembered.
    """
    engine = catalogue.engines[target.answer.engine]
    render = _deployment if target.layout.nodes == 1 else _leader_worker_set
    manifest = render(target, catalogue=catalogue, engine=engine, settings=settings)
    return manifest, digest(manifest)


def workload_manifest(template: Manifest, template_digest: str, *, replicas: int, surge: bool) -> Manifest:
    """A whole workload, ready to be applied."""
    strategy = SURGE if surge else IN_PLACE
    grouped = template["kind"] == names.LEADER_WORKER_SETS.kind
    update = (
        {"rolloutStrategy": {"type": "RollingUpdate", "rollingUpdateConfiguration": {"partition": 0, **strategy}}}
        if grouped
        else {"strategy": {"type": "RollingUpdate", "rollingUpdate": strategy}}
    )
    metadata = template["metadata"] | {"annotations": {names.ANNOTATION_DIGEST: template_digest}}
    return template | {"metadata": metadata, "spec": template["spec"] | {"replicas": replicas} | update}


class _Owner(NamedTuple):
    """What objects say of their deployment."""

    namespace: str
    name: str
    uid: str
    tenant: str | None
    cost_center: str | None


def _owner(view: DeploymentView) -> _Owner:
    spec = view.spec
    return _Owner(*view.key, view.uid, spec.tenant if spec else None, spec.cost_center if spec else None)


def service_manifest(view: DeploymentView) -> tuple[Manifest, str]:
    """The Service that clients use, and the digest of it without the digest's own annotation.

    Callers must not change the manifest: it is remembered.
    """
    return _service(_owner(view))


@lru_cache(maxsize=8192)
def _service(owner: _Owner) -> tuple[Manifest, str]:
    manifest: Manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": owner.name,
            "namespace": owner.namespace,
            "labels": _deployment_labels(owner),
            "ownerReferences": [_owner_reference(owner)],
        },
        "spec": {
            "type": "ClusterIP",
            "selector": {names.LABEL_DEPLOYMENT: owner.name, names.LABEL_ROLE: names.ROLE_LEADER},
            "ports": [{"name": "http", "port": HTTP_PORT, "targetPort": "http", "protocol": "TCP"}],
        },
    }
    found = digest(manifest)
    metadata = manifest["metadata"] | {"annotations": {names.ANNOTATION_DIGEST: found}}
    return manifest | {"metadata": metadata}, found


def _owner_reference(owner: _Owner) -> Manifest:
    """What makes an object ours, and go when the ModelDeployment goes."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.MODEL_DEPLOYMENTS.kind,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def _deployment(target: WorkloadTarget, *, catalogue: Catalogue, engine: Engine, settings: PlanSettings) -> Manifest:
    pod = _pod_template(target, names.ROLE_LEADER, catalogue=catalogue, engine=engine, settings=settings)
    return {
        "apiVersion": names.DEPLOYMENTS.api_version,
        "kind": names.DEPLOYMENTS.kind,
        "metadata": _metadata(target),
        "spec": {
            "revisionHistoryLimit": 2,
            "progressDeadlineSeconds": int(3 * target.answer.start_seconds) + 600,
            "selector": {"matchLabels": {names.LABEL_APP_INSTANCE: target.key.name}},
            "template": pod,
        },
    }


def _leader_worker_set(target: WorkloadTarget, *, catalogue: Catalogue, engine: Engine, settings: PlanSettings) -> Manifest:
    def pod(role: str) -> Manifest:
        return _pod_template(target, role, catalogue=catalogue, engine=engine, settings=settings)

    return {
        "apiVersion": names.LEADER_WORKER_SETS.api_version,
        "kind": names.LEADER_WORKER_SETS.kind,
        "metadata": _metadata(target),
        "spec": {
            "startupPolicy": "LeaderCreated",
            "networkConfig": {"subdomainPolicy": "Shared"},
            "leaderWorkerTemplate": {
                "size": target.layout.nodes,
                "restartPolicy": "RecreateGroupOnPodRestart",
                "leaderTemplate": pod(names.ROLE_LEADER),
                "workerTemplate": pod(names.ROLE_WORKER),
            },
        },
    }


def _pod_template(
    target: WorkloadTarget, role: str, *, catalogue: Catalogue, engine: Engine, settings: PlanSettings
) -> Manifest:
    return {
        "metadata": {
            "labels": {**_labels(target), names.LABEL_ROLE: role},
            "annotations": pod_annotations(target, role, catalogue, engine),
        },
        "spec": pod_spec(target, role, catalogue=catalogue, engine=engine, settings=settings),
    }


def _metadata(target: WorkloadTarget) -> Manifest:
    return {
        "name": target.key.name,
        "namespace": target.key.namespace,
        "labels": _labels(target),
        "ownerReferences": [_owner_reference(_owner(target.deployment))],
    }


def _labels(target: WorkloadTarget) -> dict[str, str]:
    return {
        **_deployment_labels(_owner(target.deployment)),
        names.LABEL_APP_INSTANCE: target.key.name,
        names.LABEL_POOL: target.pool,
        names.LABEL_QUANTIZATION: target.quantization,
        names.LABEL_ENGINE: target.answer.engine,
    }


def _deployment_labels(owner: _Owner) -> dict[str, str]:
    labels: dict[str, str | None] = {
        names.LABEL_APP_NAME: "model",
        names.LABEL_APP_INSTANCE: owner.name,
        names.LABEL_APP_COMPONENT: "engine",
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        names.LABEL_DEPLOYMENT: owner.name,
        names.LABEL_TENANT: owner.tenant,
        names.LABEL_COST_CENTER: owner.cost_center,
    }
    return {key: value for key, value in labels.items() if value is not None}
