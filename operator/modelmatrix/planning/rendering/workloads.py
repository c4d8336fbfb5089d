"""Workloads of a target: a Deployment for replicas of one node, a LeaderWorkerSet for groups of nodes; and the Service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from modelmatrix.api import names
from modelmatrix.planning.rendering.manifest import Manifest, digest
from modelmatrix.planning.rendering.pod import pod_annotations, pod_spec
from modelmatrix.planning.rendering.pod_templates import rolling_part, without_soft_fields
from modelmatrix.planning.rendering.workload_target import Owner, WorkloadTarget
from modelmatrix.planning.snapshot.last_results import LastResults
from modelmatrix.planning.snapshot.views import NamespacedName

HTTP_PORT = 80
SURGE: Manifest = {"maxSurge": 1, "maxUnavailable": 0}
IN_PLACE: Manifest = {"maxSurge": 0, "maxUnavailable": 1}


class Template(NamedTuple):
    """A manifest without its number of replicas and its update strategy, and the digest of that.

    The manifest is shared between plans: callers must not change it. A Service has no further digests. ``rollout_digest`` is
    that of the part of a workload whose change needs new pods, ``outer_digest`` that of what is outside its pod template,
    ``spec_digest`` that of what the deployment's own spec says of its pods.
    """

    manifest: Manifest
    digest: str
    rollout_digest: str = ""
    outer_digest: str = ""
    spec_digest: str = ""

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations of a workload that has this template and serves it."""
        return {
            names.ANNOTATION_DIGEST: self.outer_digest,
            names.ANNOTATION_TEMPLATE: self.rollout_digest,
            names.ANNOTATION_SPEC: self.spec_digest,
        }


@dataclass(slots=True)
class RenderingCache:
    """Templates for the next plan, by the name of the object; each with what it was rendered from."""

    templates: LastResults[NamespacedName, tuple[WorkloadTarget, Template]] = field(default_factory=LastResults)
    services: LastResults[NamespacedName, tuple[Owner, Template]] = field(default_factory=LastResults)
    network_policies: LastResults[NamespacedName, tuple[Owner, tuple[int, ...], Template]] = field(default_factory=LastResults)

    def branch(self) -> RenderingCache:
        """A cache that begins with what this one has and leaves it as it is."""
        return RenderingCache(self.templates.branch(), self.services.branch(), self.network_policies.branch())


def workload_template(target: WorkloadTarget, cache: RenderingCache) -> Template:
    """The template of a workload."""
    last = cache.templates.get(target.key)
    if last is not None and last[0] == target:
        return last[1]
    template = render(target)
    cache.templates.put(target.key, (target, template))
    return template


def render(target: WorkloadTarget) -> Template:
    """Render a workload: a Deployment for replicas of one node, a LeaderWorkerSet for groups of nodes."""
    manifest = _deployment(target) if target.layout.nodes == 1 else _leader_worker_set(target)
    part = rolling_part(manifest)
    outer = manifest | {"spec": {name: value for name, value in manifest["spec"].items() if name not in part}}
    return Template(manifest, digest(manifest), digest(without_soft_fields(part)), digest(outer), digest(_of_spec(target)))


def _of_spec(target: WorkloadTarget) -> Manifest:
    """What the deployment's own spec says of a pod; all else comes from the pool, the catalogue or a profile."""
    return {
        "model": target.model.name,
        "source": repr(target.source),
        "quantization": target.quantization,
        "maxModelLen": target.max_model_len,
        "servedName": target.served_name,
        "secretName": target.secret_name,
    }


def workload_manifest(
    template: Template,
    *,
    replicas: int,
    surge: bool,
    part: Manifest | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Manifest:
    """A whole workload, ready to be applied: with the pods of ``part``, else those of the template."""
    strategy, manifest = SURGE if surge else IN_PLACE, template.manifest
    grouped = manifest["kind"] == names.LEADER_WORKER_SETS.kind
    update = (
        {"rolloutStrategy": {"type": "RollingUpdate", "rollingUpdateConfiguration": {"partition": 0, **strategy}}}
        if grouped
        else {"strategy": {"type": "RollingUpdate", "rollingUpdate": strategy}}
    )
    metadata = manifest["metadata"] | {"annotations": dict(template.annotations if annotations is None else annotations)}
    return manifest | {"metadata": metadata, "spec": manifest["spec"] | (part or {}) | {"replicas": replicas} | update}


def service_template(owner: Owner, cache: RenderingCache) -> Template:
    """The Service that clients use, whole, and the digest of it without the digest's own annotation."""
    key = NamespacedName(owner.namespace, owner.name)
    last = cache.services.get(key)
    if last is not None and last[0] == owner:
        return last[1]
    template = with_digest(_service(owner))
    cache.services.put(key, (owner, template))
    return template


def with_digest(manifest: Manifest) -> Template:
    """A whole manifest with its digest as an annotation."""
    short = digest(manifest)
    metadata = manifest["metadata"] | {"annotations": {names.ANNOTATION_DIGEST: short}}
    return Template(manifest | {"metadata": metadata}, short)


def _service(owner: Owner) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": owned_metadata(owner, owner.name),
        "spec": {
            "type": "ClusterIP",
            "selector": {names.LABEL_DEPLOYMENT: owner.name, names.LABEL_ROLE: names.ROLE_LEADER},
            "ports": [{"name": "http", "port": HTTP_PORT, "targetPort": "http", "protocol": "TCP"}],
        },
    }


def owned_metadata(owner: Owner, name: str) -> Manifest:
    """Metadata of an object that stands beside the workloads of a deployment."""
    return {
        "name": name,
        "namespace": owner.namespace,
        "labels": _deployment_labels(owner),
        "ownerReferences": [owner_reference(owner)],
    }


def owner_reference(owner: Owner) -> Manifest:
    """Marks an object as managed, and lets the garbage collector delete it with the ModelDeployment."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.MODEL_DEPLOYMENTS.kind,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def _deployment(target: WorkloadTarget) -> Manifest:
    return {
        "apiVersion": names.DEPLOYMENTS.api_version,
        "kind": names.DEPLOYMENTS.kind,
        "metadata": _metadata(target),
        "spec": {
            "revisionHistoryLimit": 2,
            "progressDeadlineSeconds": int(3 * target.start_seconds) + 600,
            "selector": {"matchLabels": {names.LABEL_APP_INSTANCE: target.key.name}},
            "template": _pod_template(target, names.ROLE_LEADER),
        },
    }


def _leader_worker_set(target: WorkloadTarget) -> Manifest:
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
                "leaderTemplate": _pod_template(target, names.ROLE_LEADER),
                "workerTemplate": _pod_template(target, names.ROLE_WORKER),
            },
        },
    }


def _pod_template(target: WorkloadTarget, role: str) -> Manifest:
    return {
        "metadata": {
            "labels": {**_labels(target), names.LABEL_ROLE: role},
            "annotations": pod_annotations(target, role),
        },
        "spec": pod_spec(target, role),
    }


def _metadata(target: WorkloadTarget) -> Manifest:
    return {
        "name": target.key.name,
        "namespace": target.key.namespace,
        "labels": _labels(target),
        "ownerReferences": [owner_reference(target.owner)],
    }


def _labels(target: WorkloadTarget) -> dict[str, str]:
    return {
        **_deployment_labels(target.owner),
        names.LABEL_APP_INSTANCE: target.key.name,
        names.LABEL_POOL: target.pool,
        names.LABEL_QUANTIZATION: target.quantization,
        names.LABEL_ENGINE: target.engine.name,
    }


def _deployment_labels(owner: Owner) -> dict[str, str]:
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
