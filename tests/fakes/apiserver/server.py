"""A small API server in this process: list, watch, bookmarks, apply, merge patch, status, preconditions, and faults.

Server-side apply treats a list as one field; the server has no admission, defaulting or garbage collection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from fakes.apiserver import discovery
from fakes.apiserver.faults import Answer, Effect, FaultPlan, Hang, Request, Reset, Slow
from fakes.apiserver.objects import Object, selects
from fakes.apiserver.requests import request_of
from fakes.apiserver.store import Refusal, Store
from fakes.apiserver.streams import Streams
from modelmatrix.api import names
from modelmatrix.api.names import Kind
from modelmatrix.planning.snapshot.views import NamespacedName

KINDS = tuple(value for value in vars(names).values() if isinstance(value, Kind))


class FakeApiServer:
    """The server. ``store`` has its objects; ``requests``, ``tokens`` and ``agents`` record what it has received.

    ``warnings`` stand in the answer to every dry run, as an admission webhook would give them.
    """

    def __init__(self, kinds: tuple[Kind, ...] = KINDS) -> None:
        self.kinds = {kind.plural: kind for kind in kinds}
        self.store = Store(self.kinds)
        self.streams = Streams(self.store)
        self.faults = FaultPlan()
        self.requests: list[Request] = []
        self.tokens: list[str] = []
        self.agents: list[str] = []
        self.warnings: list[str] = []
        self.page_size: int | None = None
        self.port = 0
        self._runner: web.AppRunner | None = None
        self._closing = asyncio.Event()

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def writes(self) -> list[Request]:
        """The recorded requests that change objects."""
        return [request for request in self.requests if request.is_write]

    def put(self, kind: Kind, key: NamespacedName, **fields: Any) -> Object:
        """Store a new object, as another client would create it."""
        return self.store.create(kind.plural, key, {"metadata": fields.pop("metadata", {}), **fields})

    def stored(self, kind: Kind, key: NamespacedName) -> Object:
        """A stored object."""
        return self.store.get(kind.plural, key)

    async def start(self) -> None:
        """Start to listen; after a :meth:`stop` on the same port."""
        self._closing = asyncio.Event()
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Refuse new connections, and close the open ones."""
        self._closing.set()
        self.streams.end()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, http: web.Request) -> web.StreamResponse:
        document = discovery.answer(http.path, self.kinds.values())
        if document is not None:
            return web.json_response(document)
        request = await request_of(http)
        if request is None or self._unknown(request):
            if request is not None:
                self.requests.append(request)
            return web.Response(status=404, text="404 page not found\n")  # as a real API server
        self.requests.append(request)
        self.tokens.append(http.headers.get("Authorization", ""))
        self.agents.append(http.headers.get("User-Agent", ""))
        effect = self.faults.effect_on(request)
        response = await self._answer(http, request, effect)
        request.code = response.status
        return response

    def _unknown(self, request: Request) -> bool:
        kind = self.kinds.get(request.plural)
        return kind is None or kind.group != request.group

    async def _answer(self, http: web.Request, request: Request, effect: Effect | None) -> web.StreamResponse:
        if isinstance(effect, Answer):
            return _planned(effect)
        if isinstance(effect, Slow):
            await asyncio.sleep(effect.seconds)
        if isinstance(effect, (Hang, Reset)):
            if effect.commits:
                self._carry_out(request)
            await self._break(http, effect)
        if request.verb == "watch":
            return await self.streams.serve(http, request, effect)
        if request.query.get("dryRun") == "All":
            headers = CIMultiDict(("Warning", '299 - "{}"'.format(text.replace('"', '\\"'))) for text in self.warnings)
            return web.json_response(request.body, headers=headers)
        return self._carry_out(request)

    async def _break(self, http: web.Request, effect: Hang | Reset) -> None:
        if isinstance(effect, Hang):
            await self._closing.wait()
        if http.transport is not None:
            http.transport.abort()
        raise ConnectionResetError

    def _carry_out(self, request: Request) -> web.Response:
        try:
            return web.json_response(self._execute(request))
        except Refusal as refusal:
            return web.json_response(_status(refusal.code, refusal.reason, str(refusal)), status=refusal.code)

    def _execute(self, request: Request) -> Object:
        plural, key, body = request.plural, request.key, request.body
        if request.verb == "delete":
            self.store.delete(plural, key, uid=(body or {}).get("preconditions", {}).get("uid", ""))
            return _status(200, "", "deleted")
        verbs: dict[str, Callable[[], Object]] = {
            "list": lambda: self._list(request),
            "get": lambda: self.store.get(plural, key),
            "create": lambda: self._create(request),
            "update": lambda: self.store.replace(plural, key, body),
            "patch": lambda: self._patch(request),
        }
        return verbs[request.verb]()

    def _create(self, request: Request) -> Object:
        key = NamespacedName(request.key.namespace, request.body["metadata"]["name"])
        return self.store.create(request.plural, key, request.body, manager=request.query.get("fieldManager", ""))

    def _patch(self, request: Request) -> Object:
        plural, key, body = request.plural, request.key, request.body
        manager = request.query.get("fieldManager", "")
        if request.content_type == "application/apply-patch+yaml":
            return self.store.apply(plural, key, body, manager=manager)
        if request.content_type == "application/merge-patch+json":
            return self.store.patch(plural, key, body, subresource=request.subresource, manager=manager)
        if request.content_type == "application/json-patch+json" and request.subresource == "status":
            return self.store.json_patch(plural, key, body)
        raise Refusal(415, "UnsupportedMediaType", request.content_type)

    def _list(self, request: Request) -> Object:
        within = request.key.namespace
        found = [item for item in self.store.list(request.plural) if within in ("", item["metadata"].get("namespace"))]
        items = [item for item in found if selects(request.query, item)]
        if self.kinds[request.plural].group != names.GROUP:
            items = [_bare(item) for item in items]
        start = int(request.query.get("continue") or 0)
        limit = self.page_size or int(request.query.get("limit") or len(items) or 1)
        metadata = {"resourceVersion": str(self.store.version)}
        if start + limit < len(items):
            metadata["continue"] = str(start + limit)
        return {"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items[start : start + limit]}


def _bare(item: Object) -> Object:
    """An item of a list: without apiVersion and kind for built-in kinds, as in a real API server."""
    return {key: value for key, value in item.items() if key not in ("kind", "apiVersion")}


def _planned(effect: Answer) -> web.Response:
    if effect.text is not None:
        body = effect.text if isinstance(effect.text, bytes) else effect.text.encode()
        return web.Response(status=effect.code, body=body)
    return web.json_response(_status(effect.code, effect.reason, f"planned: {effect.reason}"), status=effect.code)


def _status(code: int, reason: str, message: str) -> Object:
    return {"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason, "message": message}


@asynccontextmanager
async def running(kinds: tuple[Kind, ...] = KINDS) -> AsyncIterator[FakeApiServer]:
    """A running server, stopped when the context closes."""
    server = FakeApiServer(kinds)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
