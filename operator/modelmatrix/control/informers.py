"""One informer for every kind that a plan reads: a list and a watch each, and no other read of the API server.

Each informer lists, then watches, and holds small views instead of whole objects (see ``cluster.informer``). Kinds of
Kubernetes itself are filtered on the server: workloads and Services by our labels, pods by their phase. Failed pods have an
informer of their own, with our labels too: failed pods of others cost nothing.

Every change triggers the debouncer. Changes that may follow from our own writes are marked: those of pods, Services and
workloads always, those of our own kinds when the generation is unchanged, because then only the status has changed. Nothing
is decided before all informers have synced; a plan on half a picture would undo the other half.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import chain
from operator import is_not
from typing import Protocol, TypeVar

from modelmatrix.api import names
from modelmatrix.api.names import Kind
from modelmatrix.api.profiles import EngineProfileSpec, ModelProfileSpec
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.informer import Informer
from modelmatrix.cluster.pod_informer import PodInformer
from modelmatrix.cluster.views import kinds
from modelmatrix.cluster.views.kinds import PlanningKind
from modelmatrix.planning.snapshot.ownership import known_workloads, owned_pods
from modelmatrix.planning.snapshot.views import DeploymentView, NamespacedName, PodView, PoolView, TenantPolicyView

View = TypeVar("View")

# Kinds that our own writes create and change.
FOLLOWING = (
    *(names.PODS, names.REPLICA_SETS, names.STATEFUL_SETS),
    *(names.SERVICES, names.NETWORK_POLICIES, names.DEPLOYMENTS, names.LEADER_WORKER_SETS),
)


class ChangeListener(Protocol):
    """Called when an object has changed."""

    def __call__(self, *, follows: bool) -> None:
        """``follows``: the change may follow from what this operator wrote."""


class Informers:
    """Caches of every kind that a plan reads. ``listener`` is called with every change."""

    def __init__(self, client: ApiClient, catalogue: Catalogue, listener: ChangeListener) -> None:
        def changed(kind: Kind, key: NamespacedName) -> None:
            listener(follows=kind in FOLLOWING or self._is_echo(kind, key))

        def informer(read: PlanningKind[View]) -> Informer[View]:
            return Informer(client, read.kind, read.project, changed, labels=read.labels, fields=read.fields)

        self._generations: dict[tuple[str, NamespacedName], int] = {}
        self.deployments = informer(kinds.DEPLOYMENTS)
        self.pools = informer(kinds.POOLS)
        self.models = informer(kinds.MODELS)
        self.engines = informer(kinds.ENGINES)
        self.tenant_policies = informer(kinds.TENANT_POLICIES)
        self.namespaces = informer(kinds.NAMESPACES)
        self.nodes = informer(kinds.NODES)
        self.pods = PodInformer(client, changed)
        self.failed_pods = informer(kinds.FAILED_PODS)
        self.replica_sets = informer(kinds.REPLICA_SETS)
        self.stateful_sets = informer(kinds.STATEFUL_SETS)
        self.workloads = informer(kinds.WORKLOADS)
        self.groups = informer(kinds.GROUPS)
        self.services = informer(kinds.SERVICES)
        self.network_policies = informer(kinds.NETWORK_POLICIES)
        self.runtime_classes = informer(kinds.RUNTIME_CLASSES)
        self._owned: tuple[tuple[object, ...], tuple[PodView, ...]] = ((), ())
        self._builtin = catalogue
        self._extended: tuple[tuple[object, object], Catalogue] = (((), ()), catalogue)

    @property
    def caches(self) -> tuple[Informer[object], ...]:
        """All caches, in no particular order."""
        return tuple(cache for cache in vars(self).values() if isinstance(cache, Informer))

    async def run(self) -> None:
        """Keep all caches up to date until cancelled."""
        async with asyncio.TaskGroup() as group:
            for cache in self.caches:
                group.create_task(cache.run(), name=f"cache of {cache.kind.plural}")

    async def synced(self) -> None:
        """Wait until every cache has read a whole list."""
        for cache in self.caches:
            await cache.synced.wait()

    def absent_own_kinds(self) -> list[str]:
        """Kinds of ours that the API server does not serve, as of the last list."""
        return [cache.kind.plural for cache in self.caches if cache.kind.group == names.GROUP and not cache.present]

    def unsynced(self) -> dict[str, str]:
        """Kinds that have not been read yet, each with the error of the last attempt; empty before the first one failed."""
        return {cache.kind.plural: cache.error for cache in self.caches if not cache.synced.is_set()}

    def stale_kinds(self, seconds: float) -> list[str]:
        """Kinds of which nothing was heard for ``seconds``; the API server sends a bookmark about once a minute."""
        return [cache.kind.plural for cache in self.caches if cache.silent_seconds > seconds]

    def owned_pods(self) -> tuple[PodView, ...]:
        """All pods that matter, each with the workload that controls it; the same tuple until something changes."""
        pods, failed, workloads = self.pods.views, self.failed_pods.views, (self.workloads.views, self.groups.views)
        controllers = (self.replica_sets.views, self.stateful_sets.views)
        inputs = (pods, failed, *controllers, *workloads, self.deployments.views)
        if len(inputs) != len(self._owned[0]) or any(map(is_not, inputs, self._owned[0])):
            found = owned_pods(
                (*pods, *failed),
                chain(*controllers),
                chain(*workloads),
                deployment_uids={view.uid for view in self.deployments.views},
                known=known_workloads(self._owned[1]),
            )
            self._owned = (inputs, found)
        return self._owned[1]

    def _is_echo(self, kind: Kind, key: NamespacedName) -> bool:
        """Whether only the status of an object has changed, which only this operator writes."""
        view: DeploymentView | PoolView | TenantPolicyView | None = None
        if kind == names.MODEL_DEPLOYMENTS:
            view = self.deployments.get(key)
        elif kind == names.ACCELERATOR_POOLS:
            view = self.pools.get(key)
        elif kind == names.TENANT_POLICIES:
            view = self.tenant_policies.get(key)
        if view is None:
            self._generations.pop((kind.plural, key), None)
            return False
        before = self._generations.get((kind.plural, key))
        self._generations[kind.plural, key] = view.generation
        return view.generation == before

    def catalogue(self) -> Catalogue:
        """The built-in catalogue with the cluster's own profiles."""
        profiles = (self.models.views, self.engines.views)
        if self._extended[0] != profiles:
            self._extended = (profiles, self._extend(*profiles))
        return self._extended[1]

    def _extend(
        self, models: Iterable[tuple[str, ModelProfileSpec]], engines: Iterable[tuple[str, EngineProfileSpec]]
    ) -> Catalogue:
        return self._builtin.extended(dict(models), dict(engines))
