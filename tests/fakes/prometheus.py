"""A fake Prometheus: answers the operator's queries from the state of a few deployments, or as one of its faults.

It knows no PromQL: it looks for the names of the signals that a query asks for and makes the answer that a real one would
have aggregated. What the queries mean to a real one is tested with a real one.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Sample = dict[str, Any]
Answer = Callable[[str], web.StreamResponse]
_SIGNALS = re.compile(r'"signal", "(\w+)"')
_HISTOGRAM = re.compile(r"sum by \(namespace, modelmatrix_io_deployment, le\)")


@dataclass(slots=True)
class Series:
    """What Prometheus knows of one deployment: values by signal, and requests by histogram bound."""

    namespace: str = "bank"
    name: str = "chat"
    values: dict[str, float | str] = field(default_factory=dict)
    buckets: dict[str, float] = field(default_factory=dict)

    @property
    def labels(self) -> dict[str, str]:
        """Labels that every sample carries."""
        return {"namespace": self.namespace, "modelmatrix_io_deployment": self.name}


def serving(replicas: int, *, per_second: float, running: float = 0.0, waiting: float = 0.0, within: float = 1.0) -> Series:
    """A deployment whose replicas are all measured; ``within`` is the share of requests within every bound."""
    seconds = {"finished_short": 60, "finished_long": 180, "finished_lengths": 600}
    values: dict[str, float | str] = {name: per_second * length for name, length in seconds.items()}
    values |= {"targets": replicas, "up": replicas, "measured": replicas, "oldest": time.time()}
    values |= {"running": running, "waiting": waiting, "kv_usage": 0.1}
    values |= dict.fromkeys(("running_short", "running_long", "waiting_short", "waiting_long"), 0.0)
    values |= {"input_tokens": per_second * 600 * 1000, "output_tokens": per_second * 600 * 200}
    total = per_second * 120
    return Series(values=values, buckets={"": total * within, "+Inf": total})


class FakePrometheus:
    """The server. ``series`` is what it knows; ``answer`` replaces its answers by a fault's."""

    def __init__(self) -> None:
        self.series: list[Series] = []
        self.answer: Answer | None = None
        self.hangs = False
        self.queries: list[str] = []
        self.port = 0
        self._runner: web.AppRunner | None = None
        self._closing = asyncio.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen; on the port of before after a :meth:`stop`."""
        self._closing = asyncio.Event()
        app = web.Application()
        app.router.add_post("/api/v1/query", self._query)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Refuse connections from now on."""
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
        return success(self._samples(expression))

    def _samples(self, expression: str) -> Iterable[Sample]:
        for series in self.series:
            for signal in _SIGNALS.findall(expression):
                if signal in series.values:
                    yield sample({**series.labels, "signal": signal}, series.values[signal])
            if _HISTOGRAM.match(expression):
                yield from self._buckets(series, expression)

    def _buckets(self, series: Series, expression: str) -> Iterable[Sample]:
        """The bounds that the query names, all with the same share of the requests."""
        match = re.search(r'le=~"([^"]*)"', expression)
        asked = {text.replace("\\", "") for text in match[1].split("|")} if match else set()
        for bound in asked:
            value = series.buckets.get("+Inf" if bound == "+Inf" else "")
            if value is not None:
                yield sample({**series.labels, "le": bound}, value)


def sample(labels: dict[str, str], value: object) -> Sample:
    """One sample of a vector."""
    return {"metric": labels, "value": [time.time(), str(value)]}


def success(samples: Iterable[Sample], **fields: Any) -> web.Response:
    """A good answer."""
    data = {"resultType": "vector", "result": list(samples)}
    return web.json_response({"status": "success", "data": data} | fields)


def text(code: int, body: str | bytes, content_type: str = "text/html") -> Answer:
    """An answer that is the same for every query."""
    raw = body if isinstance(body, bytes) else body.encode()
    return lambda _: web.Response(status=code, body=raw, content_type=content_type)


def error(code: int = 422, words: str = "query timed out") -> Answer:
    """Prometheus's own error."""
    document = {"status": "error", "errorType": "execution", "error": words}
    return text(code, json.dumps(document), "application/json")


@asynccontextmanager
async def running() -> AsyncIterator[FakePrometheus]:
    """A server that is stopped at the end, whatever happens."""
    server = FakePrometheus()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
