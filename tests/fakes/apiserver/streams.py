"""Watch streams of the fake API server: history, new events, bookmarks, and streams that break."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping

from aiohttp import web

from fakes.apiserver.faults import Effect, EndAtOnce, HalfLine, Request, Stall
from fakes.apiserver.objects import Object, selects
from fakes.apiserver.store import Change, Store

GONE = {
    "kind": "Status",
    "apiVersion": "v1",
    "status": "Failure",
    "reason": "Expired",
    "code": 410,
    "message": "too old resource version",
}


class Streams:
    """All open streams. ``woken`` is set for each of them when it may have something to send."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: set[asyncio.Event] = set()
        self._ended = False
        self._bookmarks = 0
        store.notify = self.wake

    @property
    def count(self) -> int:
        """The number of open streams."""
        return len(self._open)

    def wake(self) -> None:
        """Make every stream send new events."""
        for event in self._open:
            event.set()

    def bookmark(self) -> None:
        """Send a bookmark on every stream."""
        self._bookmarks += 1
        self.wake()

    def end(self) -> None:
        """End every open stream; later streams are not affected."""
        self._ended = True
        self.wake()

    async def serve(self, http: web.Request, request: Request, effect: Effect | None) -> web.StreamResponse:
        """Serve a watch until the client disconnects or the stream ends."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(http)
        version = int(request.query.get("resourceVersion") or 0)
        if isinstance(effect, EndAtOnce):
            return response
        if isinstance(effect, HalfLine):
            await response.write(b'{"type":"MODIFIED","object":{"metadata":{"na')
            return response
        if version < self._store.oldest:
            await response.write(_line("ERROR", GONE))
            return response
        await self._follow(response, request, version, stalled=isinstance(effect, Stall))
        return response

    async def _follow(self, response: web.StreamResponse, request: Request, version: int, *, stalled: bool) -> None:
        woken, sent = asyncio.Event(), self._bookmarks
        self._open.add(woken)
        self._ended = False
        woken.set()
        try:
            while not self._ended:
                await woken.wait()
                woken.clear()
                if stalled:
                    continue
                for line in self._lines(request, version):
                    await response.write(line)
                version = self._store.version
                if sent != self._bookmarks:
                    sent = self._bookmarks
                    await response.write(_line("BOOKMARK", {"metadata": {"resourceVersion": str(version)}}))
        finally:
            self._open.discard(woken)

    def _lines(self, request: Request, version: int) -> Iterator[bytes]:
        for change in list(self._store.history):
            if change.version > version and change.plural == request.plural and _is_in(request.key.namespace, change):
                type_ = _seen_as(change, request.query)
                if type_:
                    yield _line(type_, change.item)


def _is_in(namespace: str, change: Change) -> bool:
    """Whether a watch of a namespace, or of all, sees a change."""
    return namespace in ("", change.item["metadata"].get("namespace"))


def _seen_as(change: Change, query: Mapping[str, str]) -> str:
    """The event of a change for a watch with selectors: ADDED or DELETED when an object begins or ceases to match."""
    now = selects(query, change.item) and change.type != "DELETED"
    was = change.before is not None and selects(query, change.before)
    return {(True, True): "MODIFIED", (True, False): "ADDED", (False, True): "DELETED"}.get((now, was), "")


def _line(type_: str, item: Object) -> bytes:
    return json.dumps({"type": type_, "object": item}).encode() + b"\n"
