"""From what should be to what must be done: compares targets with observed objects and makes actions. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from modelmatrix.api import names
from modelmatrix.api.names import Kind
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.planning.actions.action import Action, Apply, Create, Delete, Scale
from modelmatrix.planning.rendering.manifest import is_superset
from modelmatrix.planning.rendering.workload_target import WorkloadTarget
from modelmatrix.planning.rendering.workloads import service_manifest, workload_manifest, workload_template
from modelmatrix.planning.snapshot.snapshot import PlanSettings
from modelmatrix.planning.snapshot.views import DeploymentView, NamespacedName, ServiceView, WorkloadView


@dataclass(frozen=True, slots=True)
class DesiredWorkload:
    """A workload with the number of replicas that it should have.

    ``surge`` says whether a rollout that starts now finds room for one more replica.
    """

    target: WorkloadTarget
    replicas: int
    surge: bool


def workload_actions(
    wish: DesiredWorkload, observed: WorkloadView | None, *, catalogue: Catalogue, settings: PlanSettings, stuck: bool
) -> Iterator[Action]:
    """What to do so that a workload becomes as wished.

    ``stuck`` says that a rollout cannot schedule its surge replica: it then goes on in place.
    """
    template, found = workload_template(catalogue, settings, wish.target)
    kind = _kind(template)
    key, deployment = wish.target.key, wish.target.deployment.key
    if observed is None:
        if wish.replicas:
            manifest = workload_manifest(template, found, replicas=wish.replicas, surge=wish.surge)
            yield Create(kind, key, deployment, manifest)
        return
    if observed.deleting:
        return
    if not wish.replicas:
        yield Delete(kind, key, deployment, observed.uid)
        return
    surge = wish.surge if observed.digest != found else _surges(observed) and not stuck
    same = observed.digest == found and observed.replicas == wish.replicas and surge == _surges(observed)
    if not same or not _intact(template, found, observed):
        manifest = workload_manifest(template, found, replicas=wish.replicas, surge=surge)
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


def service_actions(view: DeploymentView, observed: ServiceView | None) -> Iterator[Action]:
    """What to do so that the deployment's Service is there and right."""
    manifest, found = service_manifest(view)
    if observed is None:
        yield Create(names.SERVICES, view.key, view.key, manifest)
    elif not observed.deleting and (observed.digest != found or not _intact(manifest, found, observed)):
        yield Apply(names.SERVICES, view.key, view.key, manifest, observed.uid)


def _kind(manifest: Mapping[str, Any]) -> Kind:
    return names.DEPLOYMENTS if manifest["kind"] == names.DEPLOYMENTS.kind else names.LEADER_WORKER_SETS


def _surges(observed: WorkloadView) -> bool:
    spec = observed.manifest.get("spec", {})
    update = spec.get("strategy", {}).get("rollingUpdate") or spec.get("rolloutStrategy", {}).get(
        "rollingUpdateConfiguration", {}
    )
    return update.get("maxSurge", 0) not in (0, "0", "0%")


class _IntactCheck(NamedTuple):
    """Whether an object was intact, at a version of it and for a template with a digest."""

    digest: str
    version: str
    intact: bool


REMEMBERED = 65536  # more objects than any fleet has
_known: dict[str, _IntactCheck] = {}


def _intact(template: Mapping[str, Any], digest: str, stored: WorkloadView | ServiceView) -> bool:
    """Whether nobody has changed what we applied; remembered by UID, without the objects themselves."""
    known = _known.get(stored.uid)
    if known is None or (known.digest, known.version) != (digest, stored.version):
        known = _IntactCheck(digest, stored.version, is_superset(stored.manifest, template))
        if len(_known) >= REMEMBERED:
            del _known[next(iter(_known))]
        _known[stored.uid] = known
    return known.intact
