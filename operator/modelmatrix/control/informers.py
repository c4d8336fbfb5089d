"""The cluster as cached: all caches together, and snapshots of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol, TypeVar

from modelmatrix.api import names
from modelmatrix.api.names import Kind
from modelmatrix.api.profiles import EngineProfileSpec, ModelProfileSpec
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.informer import Informer
from modelmatrix.cluster.views import kinds
from modelmatrix.cluster.views.kinds import PlanningKind
from modelmatrix.planning.snapshot.views import DeploymentView, NamespacedName, PoolView

View = TypeVar("View")

# What our own writes make and move.
FOLLOWING = (names.PODS, names.SERVICES, names.DEPLOYMENTS, names.LEADER_WORKER_SETS)


class ChangeListener(Protocol):
    """Whoever wants to know that something has changed."""

    def __call__(self, *, follows: bool) -> None:
        """An object has changed; ``follows`` says that this may follow from what we have written."""


class Informers:
    """Caches of every kind that a plan reads. ``told`` is told of every change."""

    def __init__(self, client: ApiClient, catalogue: Catalogue, told: ChangeListener) -> None:
        def changed(kind: Kind, key: NamespacedName) -> None:
            told(follows=kind in FOLLOWING or self._is_echo(kind, key))

        def informer(read: PlanningKind[View]) -> Informer[View]:
            return Informer(client, read.kind, read.project, changed, labels=read.labels, fields=read.fields)

        self._generations: dict[tuple[str, NamespacedName], int] = {}
        self.deployments = informer(kinds.DEPLOYMENTS)
        self.pools = informer(kinds.POOLS)
        self.models = informer(kinds.MODELS)
        self.engines = informer(kinds.ENGINES)
        self.nodes = informer(kinds.NODES)
        self.pods = informer(kinds.PODS)
        self.workloads = informer(kinds.WORKLOADS)
        self.groups = informer(kinds.GROUPS)
        self.services = informer(kinds.SERVICES)
        self.runtime_classes = informer(kinds.RUNTIME_CLASSES)
        self._builtin = catalogue
        self._extended: tuple[tuple[object, object], Catalogue] = (((), ()), catalogue)

    @property
    def caches(self) -> tuple[Informer[object], ...]:
        """All caches."""
        return tuple(cache for cache in vars(self).values() if isinstance(cache, Informer))

    async def run(self) -> None:
        """Keep all caches up to date until cancelled."""
        async with asyncio.TaskGroup() as group:
            for cache in self.caches:
                group.create_task(cache.run(), name=f"cache of {cache.kind.plural}")

    async def synced(self) -> None:
        """Wait until every cache has read a whole list: deciding on half a picture would undo the other half."""
        for cache in self.caches:
            await cache.synced.wait()

    def unsynced(self) -> list[str]:
        """Kinds that have not been read yet."""
        return [cache.kind.plural for cache in self.caches if not cache.synced.is_set()]

    def stale_kinds(self, seconds: float) -> list[str]:
        """Kinds of which nothing was heard for so long."""
        return [cache.kind.plural for cache in self.caches if cache.silent_seconds > seconds]

    def _is_echo(self, kind: Kind, key: NamespacedName) -> bool:
        """Whether only the status of an object has changed, which nobody but us writes."""
        view: DeploymentView | PoolView | None = None
        if kind == names.MODEL_DEPLOYMENTS:
            view = self.deployments.get(key)
        elif kind == names.ACCELERATOR_POOLS:
            view = self.pools.get(key)
        if view is None:
            self._generations.pop((kind.plural, key), None)
            return False
        before = self._generations.get((kind.plural, key))
        self._generations[kind.plural, key] = view.generation
        return view.generation == before

    def catalogue(self) -> Catalogue:
        """The built-in catalogue with the cluster's own profiles."""
        found = (self.models.views, self.engines.views)
        if self._extended[0] != found:
            self._extended = (found, self._extend(*found))
        return self._extended[1]

    def _extend(
        self, models: Iterable[tuple[str, ModelProfileSpec]], engines: Iterable[tuple[str, EngineProfileSpec]]
    ) -> Catalogue:
        return self._builtin.extended(dict(models), dict(engines))
