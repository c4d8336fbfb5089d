"""A fake Prometheus: answers the operator's queries from the state of a few deployments, or as one of its faults.

It does not parse PromQL: it finds the names of signals in a query and returns the vector that a real Prometheus would have
aggregated. Tests with a real Prometheus check the queries themselves.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx
from aiohttp import web

Sample = dict[str, Any]
Answer = Callable[[str], web.StreamResponse]
_SIGNALS = re.compile(r'"signal", "([^"]+)"')
_BOUNDS = re.compile(r"le=~`([^`]*)`")
_BY_POD = "scrape_samples_scraped"
_BY_POOL = "quantile by ("
_ABSENCE = "group by ("


@dataclass(slots=True)
class Series:
    """The series of one deployment in Prometheus.

    ``values`` are by name, ``dialect/signal``; ``pods`` by pod and name; ``buckets`` are requests within every bound and, as
    ``+Inf``, all of them; ``engines`` are the middle replica of the ``pool``, ``missing`` replicas that lack a signal.
    """

    namespace: str = "bank"
    name: str = "assistant"
    values: dict[str, float | str] = field(default_factory=dict)
    pods: dict[str, dict[str, float | str]] = field(default_factory=dict)
    buckets: dict[str, float | str] = field(default_factory=dict)
    missing: dict[str, float | str] = field(default_factory=dict)
    engines: dict[str, float | str] = field(default_factory=dict)
    pool: str = "ascend-a"

    @property
    def labels(self) -> dict[str, str]:
        """The labels of every sample."""
        return {"namespace": self.namespace, "modelmatrix_io_deployment": self.name}


def serving(
    pods: Iterable[str], *, per_second: float, running: float = 0.0, waiting: float = 0.0, within: float = 1.0
) -> Series:
    """A deployment on vLLM with all replicas scraped; ``within`` is the share of requests within every bound."""
    rates = dict.fromkeys(("vllm/short", "vllm/long", "vllm/fast"), per_second)
    values: dict[str, float | str] = {**rates, "vllm/running": running, "vllm/waiting": waiting, "vllm/kv_usage": 0.1}
    if per_second:
        values |= {"vllm/input": 1000.0, "vllm/output": 200.0, "vllm/hit": 0.0}
    total = per_second * 120
    return Series(
        values=values,
        pods={pod: {"vllm/age": 1.0} for pod in pods},
        buckets={"": total * within, "+Inf": total},
    )


class FakePrometheus:
    """The server. ``series`` has its data; ``answer`` replaces responses by those of a fault, ``past`` serves range queries."""

    def __init__(self) -> None:
        self.series: list[Series] = []
        self.answer: Answer | None = None
        self.past: Answer | None = None
        self.hangs = False
        self.queries: list[str] = []
        self.ranges: list[dict[str, str]] = []
        self.port = 0
        self._runner: web.AppRunner | None = None
        self._closing = asyncio.Event()

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start to listen; after a :meth:`stop` on the same port."""
        self._closing = asyncio.Event()
        app = web.Application()
        app.router.add_post("/api/v1/query", self._query)
        app.router.add_post("/api/v1/query_range", self._query_range)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Refuse new connections."""
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _query(self, request: web.Request) -> web.StreamResponse:
        expression = str((await request.post())["query"])
        self.queries.append(expression)
        if self.hangs:
            await self._closing.wait()
        if self.answer is not None:
            return self.answer(expression)
        return success(self.samples(expression))

    async def _query_range(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.ranges.append(form)
        if self.hangs:
            await self._closing.wait()
        answer = self.past or self.answer
        return answer(form["query"]) if answer is not None else success((), kind="matrix")

    def samples(self, expression: str) -> Iterator[Sample]:
        """The result of a query from the known series."""
        names = _SIGNALS.findall(expression)
        for series in self.series:
            if _BY_POD in expression:
                yield from _by_pod(series, names)
            elif match := _BOUNDS.search(expression):
                yield from _buckets(series, names, match[1])
            elif _BY_POOL in expression:
                yield from _known(series, names, series.engines, modelmatrix_io_pool=series.pool)
            else:
                yield from _known(series, names, series.missing if _ABSENCE in expression else series.values)


def _by_pod(series: Series, names: list[str]) -> Iterator[Sample]:
    for pod, values in series.pods.items():
        yield from _known(series, names, values, pod=pod)


def _known(series: Series, names: list[str], values: Mapping[str, float | str], **labels: str) -> Iterator[Sample]:
    for name in names:
        if name in values:
            yield sample({**series.labels, **labels, "signal": name}, values[name])


def _buckets(series: Series, names: list[str], asked: str) -> Iterator[Sample]:
    """The histogram buckets in the query, all with the same share of the requests, for the deployment's dialect."""
    spoken = {name.partition("/")[0] for name in series.values}
    bounds = {text.replace("\\", "") for text in asked.split("|")}
    for name in names:
        if name.partition("/")[0] in spoken:
            for bound in (one for one in bounds if one == "+Inf" or "." in one):  # Prometheus writes 1.0
                value = series.buckets.get("+Inf" if bound == "+Inf" else "")
                if value is not None:
                    yield sample({**series.labels, "le": bound, "signal": name}, value)


def sample(labels: dict[str, str], value: object) -> Sample:
    """One sample of a vector."""
    return {"metric": labels, "value": [time.time(), str(value)]}


def success(samples: Iterable[Any], kind: str = "vector", **fields: Any) -> web.Response:
    """A successful response."""
    data = {"resultType": kind, "result": list(samples)}
    return web.json_response({"status": "success", "data": data} | fields)


def text(code: int, body: str | bytes, content_type: str = "text/html") -> Answer:
    """A constant response to every query."""
    raw = body if isinstance(body, bytes) else body.encode()
    return lambda _: web.Response(status=code, body=raw, content_type=content_type)


def error(code: int = 422, words: str = "query timed out") -> Answer:
    """An error response of Prometheus."""
    document = {"status": "error", "errorType": "execution", "error": words}
    return text(code, json.dumps(document), "application/json")


def transport(server: FakePrometheus) -> httpx.MockTransport:
    """The same responses without a network, for tests with hundreds of queries."""

    async def answer(request: httpx.Request) -> httpx.Response:
        (expression,) = parse_qs(request.content.decode())["query"]
        server.queries.append(expression)
        is_range = request.url.path.endswith("query_range")
        made = (server.past or server.answer) if is_range else server.answer
        if made is None:
            found = success((), kind="matrix") if is_range else success(server.samples(expression))
        else:
            found = made(expression)
        return httpx.Response(found.status, content=getattr(found, "body", b""))

    return httpx.MockTransport(answer)


@asynccontextmanager
async def running() -> AsyncIterator[FakePrometheus]:
    """A running server, stopped when the context closes."""
    server = FakePrometheus()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
