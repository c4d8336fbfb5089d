"""A proxy before the API server, one port for each operator: it records every write, and does with requests what it is told.

To an operator it is the API server, by plain HTTP. What it forwards carries its own token.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import ssl
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp import web

PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<subresource>[^/]+))?"
)
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
UNCOUNTED = ("leases", "events")


@dataclass(slots=True)
class Sent:
    """A write that reached the proxy. ``code`` is the API server's; 0 while it has not answered, or was not asked."""

    seconds: float
    operator: str
    verb: str
    plural: str
    namespace: str
    name: str
    subresource: str
    holder: str
    code: int = 0

    @property
    def took_effect(self) -> bool:
        """Whether the API server carried it out."""
        return HTTPStatus.OK <= self.code < HTTPStatus.MULTIPLE_CHOICES


@dataclass(slots=True)
class WriteFault:
    """What happens to a write: an answer in its place, a pause before it, a lost answer, or a callback before and after."""

    answer: int = 0
    times: int = 1
    pause: float = 0.0
    loses_answer: bool = False
    detached: bool = False
    before: Callable[[], None] | None = None
    after: Callable[[], None] | None = None


@dataclass(slots=True)
class Proxy:
    """The proxy. ``dead`` are operators that do not reach anything any more; ``writes`` is the record of this step."""

    url: str
    authority: str
    token: str
    writes: list[Sent] = field(default_factory=list)
    faults: dict[int, WriteFault] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    away: bool = False
    lease_blocked: bool = False
    lists_stale: bool = False
    holder: str = ""
    counted: int = 0
    _flowing: asyncio.Event = field(default_factory=asyncio.Event)
    _lists: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    _streams: dict[int, tuple[str, web.Request]] = field(default_factory=dict)
    _runners: list[web.AppRunner] = field(default_factory=list)
    _detached: set[asyncio.Task[bytes]] = field(default_factory=set)
    _session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Connect to the API server."""
        context = ssl.create_default_context(cafile=self.authority) if self.authority else True
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
        connector = aiohttp.TCPConnector(ssl=context, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=True)
        self._flowing.set()

    async def close(self) -> None:
        """Close every port and connection."""
        self.cut()
        for runner in self._runners:
            await runner.cleanup()
        if self._session:
            await self._session.close()

    async def port_for(self, operator: str) -> int:
        """A port whose requests are this operator's."""

        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._handle(request, operator)

        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._runners.append(runner)
        return int(runner.addresses[0][1])

    def begin_step(self) -> None:
        """Forget the last step's record."""
        self.writes.clear()
        self.faults.clear()
        self.counted = 0

    def cut(self, operator: str = "") -> None:
        """End the watches, of one operator or of all."""
        for watcher, request in list(self._streams.values()):
            if operator in ("", watcher) and request.transport:
                request.transport.abort()

    def hang(self, *, hangs: bool) -> None:
        """Let watches be silent, or flow again with what has gathered."""
        if hangs:
            self._flowing.clear()
        else:
            self._flowing.set()

    def bury(self, operator: str) -> None:
        """From now on nothing of this operator arrives, and it hears nothing."""
        self.dead.add(operator)
        self.cut(operator)

    async def _handle(self, request: web.Request, operator: str) -> web.StreamResponse:
        if self.away or operator in self.dead:
            return _reset(request)
        match = PATH.fullmatch(request.path)
        parts = {name: value or "" for name, value in (match.groupdict() if match else {}).items()}
        if request.query.get("watch") == "true":
            return await self._watch(request, operator)
        body = await request.read()
        if request.method in VERBS:
            return await self._write(request, body, operator, parts)
        if parts.get("plural") == "leases" and self.lease_blocked:
            return web.json_response({"kind": "Status", "code": 500, "message": "etcd is slow"}, status=500)
        return await self._read(request, is_list=not parts.get("name"))

    async def _read(self, request: web.Request, *, is_list: bool) -> web.StreamResponse:
        if is_list and self.lists_stale and request.path_qs in self._lists:
            code, answer = self._lists[request.path_qs]
            return web.Response(status=code, body=answer, content_type="application/json")
        code, answer = await self._forward(request, b"")
        if is_list and code == HTTPStatus.OK:
            self._lists.setdefault(request.path_qs, (code, answer))
        return web.Response(status=code, body=answer, content_type="application/json")

    async def refresh_lists(self) -> None:
        """Remember today's answers to every list that was ever asked for: what stale lists will say."""
        for path in list(self._lists):
            code, answer = await self._send("GET", path, b"", "application/json")
            self._lists[path] = (code, answer)

    async def _write(self, request: web.Request, body: bytes, operator: str, parts: dict[str, str]) -> web.StreamResponse:
        name = parts["name"] or json.loads(body or b"{}").get("metadata", {}).get("name", "")
        sent = Sent(
            *(time.monotonic(), operator, VERBS[request.method], parts["plural"]),
            *(parts["namespace"], name, parts["subresource"], self.holder),
        )
        if sent.plural == "leases":
            return await self._renew(request, body, sent)
        self.writes.append(sent)
        fault = WriteFault()
        if sent.plural not in UNCOUNTED:
            self.counted += 1
            fault = self.faults.get(self.counted, fault)
        return await self._with_fault(request, body, sent, fault)

    async def _with_fault(self, request: web.Request, body: bytes, sent: Sent, fault: WriteFault) -> web.StreamResponse:
        if fault.before:
            fault.before()
            return _reset(request)
        if fault.answer:
            if fault.times > 1:
                self.faults[self.counted + 1] = WriteFault(answer=fault.answer, times=fault.times - 1)
            status = {"kind": "Status", "status": "Failure", "code": fault.answer, "message": "injected"}
            return web.json_response(status | {"reason": HTTPStatus(fault.answer).phrase}, status=fault.answer)
        if fault.detached:
            kind = request.headers.get("Content-Type", "")
            self._spawn(self._late(request.method, request.path_qs, body, kind, sent, fault.pause))
            return _reset(request)
        await asyncio.sleep(fault.pause)
        # What is sent takes effect, also when the operator ends meanwhile and this handler with it.
        work = self._late(request.method, request.path_qs, body, request.headers.get("Content-Type", ""), sent, 0.0)
        answer = await asyncio.shield(self._spawn(work))
        if fault.after:
            fault.after()
        if fault.loses_answer or fault.after or sent.operator in self.dead:
            return _reset(request)
        return web.Response(status=sent.code, body=answer, content_type="application/json")

    async def _late(self, method: str, path: str, body: bytes, kind: str, sent: Sent, pause: float) -> bytes:
        await asyncio.sleep(pause)
        sent.code, answer = await self._send(method, path, body, kind)
        return answer

    async def _renew(self, request: web.Request, body: bytes, sent: Sent) -> web.StreamResponse:
        if self.lease_blocked:
            return web.json_response({"kind": "Status", "code": 500, "message": "etcd is slow"}, status=500)
        sent.code, answer = await self._forward(request, body)
        if sent.took_effect:
            self.holder = json.loads(answer)["spec"].get("holderIdentity") or ""
        return web.Response(status=sent.code, body=answer, content_type="application/json")

    async def _watch(self, request: web.Request, operator: str) -> web.StreamResponse:
        """Forward a stream; while watches hang, what comes gathers here."""
        if self.lists_stale:
            gone = {"kind": "Status", "status": "Failure", "reason": "Expired", "code": 410, "message": "too old"}
            return web.Response(body=json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n")
        assert self._session is not None
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        self._streams[id(request)] = operator, request
        try:
            async with self._session.get(self.url + request.path_qs, headers=self._headers("")) as upstream:
                response.set_status(upstream.status)
                await response.prepare(request)
                async for chunk in upstream.content.iter_any():
                    await self._flowing.wait()
                    await response.write(chunk)
        except (aiohttp.ClientError, ConnectionError, TimeoutError):
            return _reset(request)
        finally:
            self._streams.pop(id(request), None)
        return response

    async def _forward(self, request: web.Request, body: bytes) -> tuple[int, bytes]:
        return await self._send(request.method, request.path_qs, body, request.headers.get("Content-Type", ""))

    async def _send(self, method: str, path: str, body: bytes, kind: str) -> tuple[int, bytes]:
        assert self._session is not None
        async with self._session.request(method, self.url + path, data=body or None, headers=self._headers(kind)) as answer:
            return answer.status, await answer.read()

    def _headers(self, kind: str) -> dict[str, str]:
        content = {"Content-Type": kind} if kind else {}
        return {"Authorization": f"Bearer {self.token}", "Accept": "application/json", **content}

    def _spawn(self, work: Coroutine[Any, Any, bytes]) -> asyncio.Task[bytes]:
        task = asyncio.create_task(work)
        self._detached.add(task)
        task.add_done_callback(self._detached.discard)
        return task

    async def drained(self) -> None:
        """Wait until every write that was forwarded late has arrived."""
        while self._detached:
            with contextlib.suppress(Exception):
                await asyncio.gather(*self._detached)


def _reset(request: web.Request) -> web.StreamResponse:
    """Break the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    raise asyncio.CancelledError
