"""The difference between planned and stored objects, as actions. Pure.

A stored object is compared in two steps.

1. Its annotation has the digest of the template that was applied last. Another digest means another template, and the object is
   applied. Comparing contents alone would not show the fields that the new template leaves out.
2. With the same digest, the object must still contain everything that was applied; if not, somebody has edited it, and it is
   applied again. This comparison visits the whole manifest, so its result is cached by UID until the object or the template
   changes.

The number of replicas and the update strategy are not part of a template: a change of them starts no rollout. A rollout keeps
the strategy that it began with, unless its surge replica finds no devices: then it goes on in place. A workload that needs no
replicas is deleted, one that is being deleted is left alone, and one that no option of the spec stands for is only scaled down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from modelmatrix.api import names
from modelmatrix.api.names import Kind
from modelmatrix.planning.actions.action import Action, Apply, Create, Delete, Scale, SetDeletionCost
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan, PoolPlacement
from modelmatrix.planning.rendering.manifest import is_superset
from modelmatrix.planning.rendering.workloads import Template, workload_manifest
from modelmatrix.planning.snapshot.last_results import LastResults
from modelmatrix.planning.snapshot.views import NamespacedName, ServiceView, WorkloadView


class IntactCheck(NamedTuple):
    """Whether a stored object had everything that was applied, at a version of it and for a template with a digest."""

    digest: str
    version: str
    intact: bool


IntactChecks = LastResults[str, IntactCheck]  # by UID


def deployment_actions(deployment: DeploymentPlan, checks: IntactChecks) -> Iterator[Action]:
    """Service, workloads, deletion costs and retiring workloads; nothing while the desired number is not known."""
    desired = deployment.desired
    if desired is None:
        return
    if serves(deployment):
        yield from dependent_actions(
            names.SERVICES, deployment.service_template, deployment.service, checks, deployment=deployment.key
        )
    for placement in deployment.placements:
        yield from workload_actions(placement, deployment.key, checks, is_stuck=_is_rollout_stuck(placement))
    yield from _marks(deployment)
    for retiring in deployment.retiring:
        yield from retired_actions(retiring.workload, deployment.key, retiring.replicas)


def _marks(deployment: DeploymentPlan) -> Iterator[Action]:
    """Evicted pods are marked, so that their ReplicaSet removes these; groups go by number, and no mark changes that."""
    single = {placement.option.pool for placement in deployment.placements if placement.option.nodes == 1}
    for evicted in deployment.evicted:
        replica = evicted.replica
        if evicted.pool in single and replica.leader is not None and not replica.marked:
            yield SetDeletionCost(names.PODS, replica.leader, deployment.key, replica.uid)


def _is_rollout_stuck(placement: PoolPlacement) -> bool:
    """Whether a surge replica waits for devices that are not there: more pods than replicas, and one has no node."""
    workload, observed = placement.workload, placement.observed
    if workload is None or observed is None or not workload.rolling:
        return False
    return observed.existing > workload.replicas and not placement.surge and any(not r.bound for r in observed.replicas)


def workload_actions(
    placement: PoolPlacement, deployment: NamespacedName, checks: IntactChecks, *, is_stuck: bool
) -> Iterator[Action]:
    """The actions after which a workload is as its placement says.

    ``is_stuck``: a rollout cannot schedule its surge replica; it then goes on in place.
    """
    observed, template, replicas = placement.workload, placement.template, placement.replicas
    kind, key = _kind(template.manifest), placement.target.key
    if observed is None:
        if replicas:
            manifest = workload_manifest(template, replicas=replicas, surge=placement.surge)
            yield Create(kind, key, deployment, manifest)
        return
    if observed.deleting:
        return
    if not replicas:
        yield Delete(kind, key, deployment, observed.uid)
        return
    surge = _surges(observed) and not is_stuck if placement.is_current else placement.surge
    same = placement.is_current and observed.replicas == replicas and surge == _surges(observed)
    if not same or not _is_intact(template, observed, checks):
        manifest = workload_manifest(template, replicas=replicas, surge=surge, change_cause=placement.change_cause)
        yield Apply(kind, key, deployment, manifest, observed.uid)


def retired_actions(workload: WorkloadView, deployment: NamespacedName, replicas: int) -> Iterator[Action]:
    """Shrink a workload that no option of the spec stands for any more; delete it when nothing of it is needed."""
    kind = names.LEADER_WORKER_SETS if workload.kind == names.LEADER_WORKER_SETS.kind else names.DEPLOYMENTS
    if workload.deleting or replicas >= workload.replicas:
        return
    if replicas == 0:
        yield Delete(kind, workload.key, deployment, workload.uid)
        return
    yield Scale(kind, workload.key, deployment, workload.uid, replicas)


def serves(deployment: DeploymentPlan) -> bool:
    """Whether clients may come: a pool can run the model, and there are or should be replicas."""
    desired = deployment.desired
    return desired is not None and bool(deployment.fitting) and bool(deployment.placements or desired.replicas)


def dependent_actions(
    kind: Kind, template: Template, observed: ServiceView | None, checks: IntactChecks, *, deployment: NamespacedName
) -> Iterator[Action]:
    """The actions after which a Service, or another object beside the workloads, exists and is right."""
    metadata = template.manifest["metadata"]
    key = NamespacedName(metadata["namespace"], metadata["name"])
    if observed is None:
        yield Create(kind, key, deployment, template.manifest)
    elif not observed.deleting and not (observed.digest == template.digest and _is_intact(template, observed, checks)):
        yield Apply(kind, key, deployment, template.manifest, observed.uid)


def _kind(manifest: Mapping[str, Any]) -> Kind:
    return names.DEPLOYMENTS if manifest["kind"] == names.DEPLOYMENTS.kind else names.LEADER_WORKER_SETS


def _surges(observed: WorkloadView) -> bool:
    spec = observed.manifest.get("spec", {})
    update = spec.get("strategy", {}).get("rollingUpdate") or spec.get("rolloutStrategy", {}).get(
        "rollingUpdateConfiguration", {}
    )
    return update.get("maxSurge", 0) not in (0, "0", "0%")


def _is_intact(template: Template, stored: WorkloadView | ServiceView, checks: IntactChecks) -> bool:
    """Whether the stored object still equals what was applied; checked again when the object or the template has changed."""
    last = checks.get(stored.uid)
    if last is None or (last.digest, last.version) != (template.digest, stored.version):
        last = IntactCheck(template.digest, stored.version, is_superset(stored.manifest, template.manifest))
        checks.put(stored.uid, last)
    return last.intact
