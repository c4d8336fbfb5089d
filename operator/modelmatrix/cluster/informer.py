"""A cache of one kind of objects: list, replace, watch; list again when in doubt.

A list replaces everything, so a deletion that no event told of heals. Only views are kept, never whole objects.
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

FIRST_BACKOFF_SECONDS = 0.2
LAST_BACKOFF_SECONDS = 15.0
ABSENT_RECHECK_SECONDS = 60.0

View = TypeVar("View")
Made_co = TypeVar("Made_co", covariant=True)


class Projection(Protocol[Made_co]):
    """Makes the view of an object; ``None`` when the object does not matter."""

    def __call__(self, item: Object, /) -> Made_co | None:
        """The view of an object."""


class Informer(Generic[View]):
    """Views of all objects of a kind, kept up to date by :meth:`run`.

    ``synced`` is set when a whole list was read once; ``present`` tells whether the API server knows the kind.
    ``changed`` is called with the key of every object whose view has changed.
    """

    def __init__(
        self,
        client: ApiClient,
        kind: Kind,
        project: Projection[View],
        changed: Callable[[Kind, NamespacedName], None],
        *,
        labels: str = "",
        fields: str = "",
    ) -> None:
        self.kind = kind
        self.present = True
        self.synced = asyncio.Event()
        self._client = client
        self._project = project
        self._changed = changed
        self._selectors = {"labels": labels, "fields": fields}
        self._views: dict[NamespacedName, View] = {}
        self._tuple: tuple[View, ...] | None = ()
        self._version = ""
        self._heard = False
        self._heard_at = monotonic()

    @property
    def silent_seconds(self) -> float:
        """Time since anything was heard; the API server sends a bookmark about once a minute."""
        return monotonic() - self._heard_at

    @property
    def views(self) -> tuple[View, ...]:
        """All views; the same tuple until something changes."""
        if self._tuple is None:
            self._tuple = tuple(self._views.values())
        return self._tuple

    def get(self, key: NamespacedName) -> View | None:
        """The view of one object."""
        return self._views.get(key)

    async def run(self) -> None:
        """Keep the cache up to date until cancelled."""
        backoff = FIRST_BACKOFF_SECONDS
        while True:
            self._heard = False
            await self._read()
            if self._heard:
                backoff = FIRST_BACKOFF_SECONDS
            # Also after a stream that ended well: a server that ends them all at once must not be asked without pause.
            await asyncio.sleep(backoff * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load, guards nothing
            backoff = min(2 * backoff, LAST_BACKOFF_SECONDS)

    async def _read(self) -> None:
        """List if need be, then follow the stream to its end."""
        try:
            if not self._version:
                await self._relist()
            await self._follow()
        except Gone:
            self._version = ""
        except NotFound:
            await self._be_absent()
        except (TransientError, ApiError) as error:
            _log.warning("cache of %s: %s", self.kind.plural, error)

    async def _be_absent(self) -> None:
        """The kind is not installed: be empty, and look again later."""
        self.present = False
        self._heard_at = monotonic()
        self._replace({})
        self.synced.set()
        self._version = ""
        await asyncio.sleep(ABSENT_RECHECK_SECONDS)

    async def _relist(self) -> None:
        fresh: dict[NamespacedName, View] = {}
        version = ""
        async for page in self._client.pages(self.kind, **self._selectors):
            self._heard_at = monotonic()
            fresh |= {key_of(item): view for item in page.items if (view := self._project(item)) is not None}
            version = page.version
        self.present = True
        self._replace(fresh)
        self._version = version
        self.synced.set()

    def _replace(self, fresh: dict[NamespacedName, View]) -> None:
        before, self._views, self._tuple = self._views, fresh, None
        for key in before.keys() | fresh.keys():
            if before.get(key) != fresh.get(key):
                self._changed(self.kind, key)

    async def _follow(self) -> None:
        async for change, item in self._client.watch(self.kind, self._version, **self._selectors):
            self._version, self._heard, self._heard_at = item["metadata"]["resourceVersion"], True, monotonic()
            if change != "BOOKMARK":
                self._update(key_of(item), None if change == "DELETED" else self._project(item))

    def _update(self, key: NamespacedName, view: View | None) -> None:
        if self._views.get(key) == view:
            return
        if view is None:
            del self._views[key]
        else:
            self._views[key] = view
        self._tuple = None
        self._changed(self.kind, key)


def key_of(item: Object) -> NamespacedName:
    """Identity of an object."""
    metadata = item["metadata"]
    return NamespacedName(metadata.get("namespace", ""), metadata["name"])
