"""An informer: keeps a view of every object of one kind current by list and watch.

1. List in pages, project every object to its view, and replace the whole store at once. A deletion whose event was lost
   disappears with the next list.
2. Watch from the resourceVersion of that list. Every event replaces or removes one view; a bookmark only moves the version.
3. When the stream ends, watch again from the last version, after a randomized backoff from 0.2 s to 5 s that any event
   resets. ``410 Gone`` drops the version, so that the next round lists again.
4. ``404`` means that the kind is not installed, or its CRD was deleted: the store is empty and synced, and the informer
   lists again every 5 s. A kind that comes (back) needs no restart.

Only views are stored, never whole objects, and two views are equal when nothing that the planner reads differs. Thus a
heartbeat of a node or a resync changes nothing: the callback is silent, and :attr:`Informer.views` stays the same tuple,
which callers use as the key of their caches. All of it runs on one event loop; there are no locks.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from time import monotonic
from typing import Generic, Protocol, TypeVar

from modelmatrix.api.names import Kind
from modelmatrix.cluster.client import ApiClient, Object
from modelmatrix.cluster.errors import ApiError, Gone, NotFound, TransientError
from modelmatrix.planning.snapshot.views import NamespacedName

_log = logging.getLogger(__name__)

INITIAL_BACKOFF_SECONDS = 0.2
MAX_BACKOFF_SECONDS = 5.0  # recovery waits for it; two processes with a dozen informers are no load
ABSENT_RECHECK_SECONDS = 5.0

View = TypeVar("View")
View_co = TypeVar("View_co", covariant=True)


class Projection(Protocol[View_co]):
    """Turns an object into its view, or into ``None`` when the planner does not need the object."""

    def __call__(self, item: Object, /) -> View_co | None:
        """Project one object; must not raise."""


class Informer(Generic[View]):
    """Views of all objects of a kind that match the selectors, current while :meth:`run` runs.

    ``synced`` is set once a complete list has been read. ``present`` is false while the API server does not serve the kind.
    ``error`` is that of the last attempt, empty when it succeeded.
    ``on_change`` is called with the kind and the key of every object whose view has changed, appeared or disappeared.
    """

    def __init__(
        self,
        client: ApiClient,
        kind: Kind,
        project: Projection[View],
        on_change: Callable[[Kind, NamespacedName], None],
        *,
        labels: str = "",
        fields: str = "",
    ) -> None:
        self.kind = kind
        self.present = True
        self.error = ""
        self.synced = asyncio.Event()
        self._client = client
        self._project = project
        self._on_change = on_change
        self._selectors = {"labels": labels, "fields": fields}
        self._views: dict[NamespacedName, View] = {}
        self._views_tuple: tuple[View, ...] | None = ()
        self._version = ""
        self._received_event = False
        self._last_response_at = monotonic()

    @property
    def silent_seconds(self) -> float:
        """Seconds since the last response or event; the API server sends a bookmark about once a minute."""
        return monotonic() - self._last_response_at

    @property
    def views(self) -> tuple[View, ...]:
        """All views, in no defined order; the same tuple object until a view changes."""
        if self._views_tuple is None:
            self._views_tuple = tuple(self._views.values())
        return self._views_tuple

    def get(self, key: NamespacedName) -> View | None:
        """The view of one object; ``None`` when it does not exist or has no view."""
        return self._views.get(key)

    async def run(self) -> None:
        """List and watch until cancelled. Errors of the API server are logged and retried, never raised."""
        backoff = INITIAL_BACKOFF_SECONDS
        while True:
            self._received_event = False
            await self._list_and_watch()
            if self._received_event:
                backoff = INITIAL_BACKOFF_SECONDS
            # Also after a stream that ended normally: a server that closes every stream must not be called in a tight loop.
            await asyncio.sleep(backoff * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load, guards nothing
            backoff = min(2 * backoff, MAX_BACKOFF_SECONDS)

    async def _list_and_watch(self) -> None:
        """List when there is no version to watch from, then follow the stream until it ends."""
        try:
            if not self._version:
                await self._relist()
            await self._watch()
        except Gone:
            self._version = ""
        except NotFound:
            await self._handle_absent_kind()
        except (TransientError, ApiError) as error:
            self.error = str(error)
            _log.warning("informer of %s: %s", self.kind.plural, error, extra={"kind": self.kind.kind})

    async def _handle_absent_kind(self) -> None:
        """The kind is not installed: the store is empty and synced; list again after ``ABSENT_RECHECK_SECONDS``."""
        if self.present:
            _log.warning("the API server does not serve %s; waiting for it", self.kind.plural, extra={"kind": self.kind.kind})
        self.present, self.error = False, ""
        self._last_response_at = monotonic()
        self._replace({})
        self.synced.set()
        self._version = ""
        await asyncio.sleep(ABSENT_RECHECK_SECONDS)

    async def _relist(self) -> None:
        listed: dict[NamespacedName, View] = {}
        version = ""
        async for page in self._client.pages(self.kind, **self._selectors):
            self._last_response_at = monotonic()
            listed |= {key_of(item): view for item in page.items if (view := self._project(item)) is not None}
            version = page.version
        if not self.present:
            _log.info("the API server serves %s", self.kind.plural, extra={"kind": self.kind.kind})
        self.present, self.error = True, ""
        self._replace(listed)
        self._version = version
        self.synced.set()

    def _replace(self, fresh: dict[NamespacedName, View]) -> None:
        before, self._views, self._views_tuple = self._views, fresh, None
        for key in before.keys() | fresh.keys():
            if before.get(key) != fresh.get(key):
                self._on_change(self.kind, key)

    async def _watch(self) -> None:
        async for change, item in self._client.watch(self.kind, self._version, **self._selectors):
            self._version, self._received_event, self._last_response_at = item["metadata"]["resourceVersion"], True, monotonic()
            if change != "BOOKMARK":
                self._update(key_of(item), None if change == "DELETED" else self._project(item))

    def _update(self, key: NamespacedName, view: View | None) -> None:
        if self._views.get(key) == view:
            return
        if view is None:
            del self._views[key]
        else:
            self._views[key] = view
        self._views_tuple = None
        self._on_change(self.kind, key)


def key_of(item: Object) -> NamespacedName:
    """Namespace and name of an object; the namespace of a cluster-scoped object is empty."""
    metadata = item["metadata"]
    return NamespacedName(metadata.get("namespace", ""), metadata["name"])
