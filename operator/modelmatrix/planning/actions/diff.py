"""The difference between planned and stored objects, as actions. Pure.

A stored object is compared in two steps.

1. Its annotation has the digest of the template that was applied last. Another digest means another template, and the object is
   applied. Comparing contents alone would not show the fields that the new template leaves out.
2. With the same digest, the object must still contain everything that was applied; if not, somebody has edited it, and it is
   applied again. This comparison visits the whole manifest, so its result is cached by UID until the object or the template
   changes.

The number of replicas and the update strategy are not part of a template: a change of them starts no rollout. Which pods the
template has is the gate's choice (``disruption``): those of the desired template, those of the stored one while a change waits,
or those of the one that served before a rollout that failed. A workload that needs no replicas is deleted. One that is being
deleted is left alone, and so is one that is paused. One that no option of the spec stands for is only scaled down,
after it has got its owner back if it had lost it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from modelmatrix.api import names
from modelmatrix.api.names import Kind
from modelmatrix.planning.actions.action import Action, Adopt, Apply, Create, Delete, Scale, SetDeletionCost
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan, PoolPlacement
from modelmatrix.planning.placement.template_choice import TemplateChoice
from modelmatrix.planning.rendering.manifest import is_superset, surges
from modelmatrix.planning.rendering.workload_target import Owner, owner_of
from modelmatrix.planning.rendering.workloads import Template, owner_reference, workload_manifest
from modelmatrix.planning.snapshot.last_results import LastResults
from modelmatrix.planning.snapshot.views import NamespacedName, ServiceView, WorkloadView


class IntactCheck(NamedTuple):
    """Whether a stored object had everything that was applied, at a version of it and for a template with a digest."""

    digest: str
    version: str
    intact: bool


_COMPARED = (
    names.ANNOTATION_DIGEST,
    names.ANNOTATION_TEMPLATE,
    names.ANNOTATION_SPEC,
    names.ANNOTATION_SERVED,
    names.ANNOTATION_FAILED,
)

IntactChecks = LastResults[str, IntactCheck]  # by UID


def deployment_actions(deployment: DeploymentPlan, checks: IntactChecks) -> Iterator[Action]:
    """Service, workloads, deletion costs and retiring workloads; nothing while the desired number is not known."""
    desired = deployment.desired
    if desired is None or deployment.view.paused:
        return
    if serves(deployment):
        yield from dependent_actions(
            names.SERVICES, deployment.service_template, deployment.service, checks, deployment=deployment.key
        )
    for placement in deployment.placements:
        if placement.workload is None and deployment.pools[placement.option.pool].view.paused:
            continue
        yield from workload_actions(placement, deployment.key, checks)
    yield from _marks(deployment)
    for retiring in deployment.retiring:
        if retiring.workload.owner_uid:
            yield from retired_actions(retiring.workload, deployment.key, retiring.replicas)
        else:
            yield adoption(retiring.workload, owner_of(deployment.view))


def _marks(deployment: DeploymentPlan) -> Iterator[Action]:
    """Evicted pods are marked, so that their ReplicaSet removes these; groups go by number, and no mark changes that."""
    single = {placement.option.pool for placement in deployment.placements if placement.option.nodes == 1}
    for evicted in deployment.evicted:
        replica = evicted.replica
        if evicted.pool in single and replica.leader is not None and not replica.marked:
            yield SetDeletionCost(names.PODS, replica.leader, deployment.key, replica.uid)


def workload_actions(placement: PoolPlacement, deployment: NamespacedName, checks: IntactChecks) -> Iterator[Action]:
    """The actions after which a workload is as its placement says."""
    observed, template, replicas, choice = placement.workload, placement.template, placement.replicas, placement.choice
    kind, key = _kind(template.manifest), placement.target.key
    if observed is None:
        if replicas:
            manifest = workload_manifest(template, replicas=replicas, surge=placement.surge)
            yield Create(kind, key, deployment, manifest)
        return
    if observed.deleting or choice is None or choice.frozen:
        return
    if not replicas:
        yield Delete(kind, key, deployment, observed.uid)
        return
    is_stored = _is_stored(choice, observed) and _is_intact(_applied(template, choice), observed, checks)
    if is_stored and choice.hold is not None and observed.replicas != replicas:
        yield Scale(kind, key, deployment, observed.uid, replicas)
    elif not is_stored or observed.replicas != replicas:
        manifest = workload_manifest(
            template, replicas=replicas, surge=choice.surge, part=choice.part, annotations=choice.annotations
        )
        yield Apply(kind, key, deployment, manifest, observed.uid)


def _is_stored(choice: TemplateChoice, observed: WorkloadView) -> bool:
    """Whether the object has the choice's update strategy and annotations, and none of the operator's that it leaves out."""
    stored = observed.manifest.get("metadata", {}).get("annotations") or {}
    return surges(observed.manifest) == choice.surge and all(
        stored.get(name) == choice.annotations.get(name) for name in _COMPARED
    )


def _applied(template: Template, choice: TemplateChoice) -> Template:
    """The template with the pods of the choice."""
    if choice.part is None:
        return template
    return template._replace(manifest=template.manifest | {"spec": template.manifest["spec"] | choice.part})


def retired_actions(workload: WorkloadView, deployment: NamespacedName, replicas: int) -> Iterator[Action]:
    """Shrink a workload that no option of the spec stands for any more; delete it when nothing of it is needed."""
    kind = _kind_named(workload.kind)
    if workload.deleting or replicas >= workload.replicas:
        return
    if replicas == 0:
        yield Delete(kind, workload.key, deployment, workload.uid)
        return
    yield Scale(kind, workload.key, deployment, workload.uid, replicas)


def adoption(workload: WorkloadView, owner: Owner) -> Action:
    """The action after which a retired workload has an owner again, so that it goes with its deployment whatever happens."""
    owners = (*(workload.manifest.get("metadata", {}).get("ownerReferences") or ()), owner_reference(owner))
    key = workload.key
    return Adopt(_kind_named(workload.kind), key, NamespacedName(key.namespace, owner.name), workload.uid, owners)


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
    return _kind_named(manifest["kind"])


def _kind_named(name: str) -> Kind:
    return names.LEADER_WORKER_SETS if name == names.LEADER_WORKER_SETS.kind else names.DEPLOYMENTS


def _is_intact(template: Template, stored: WorkloadView | ServiceView, checks: IntactChecks) -> bool:
    """Whether the stored object still equals what was applied; checked again when the object or the template has changed."""
    last = checks.get(stored.uid)
    if last is None or (last.digest, last.version) != (template.digest, stored.version):
        last = IntactCheck(template.digest, stored.version, is_superset(stored.manifest, template.manifest))
        checks.put(stored.uid, last)
    return last.intact
