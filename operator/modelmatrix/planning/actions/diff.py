"""The difference between what a plan wants to exist and what exists, as actions. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from modelmatrix.api import names
from modelmatrix.api.names import Kind
from modelmatrix.planning.actions.action import Action, Apply, Create, Delete, Scale
from modelmatrix.planning.placement.deployment_plan import PoolPlacement
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


def service_actions(
    template: Template, key: NamespacedName, observed: ServiceView | None, checks: IntactChecks
) -> Iterator[Action]:
    """The actions after which the deployment's Service exists and is right."""
    if observed is None:
        yield Create(names.SERVICES, key, key, template.manifest)
    elif not observed.deleting and not (observed.digest == template.digest and _is_intact(template, observed, checks)):
        yield Apply(names.SERVICES, key, key, template.manifest, observed.uid)


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
