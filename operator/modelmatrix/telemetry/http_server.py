"""The HTTP server of the operator: /metrics, /healthz and /readyz."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

Check = Callable[[], str]


@asynccontextmanager
async def serve(address: tuple[str, int], registry: CollectorRegistry, *, healthy: Check, ready: Check) -> AsyncIterator[int]:
    """Serve while the context is open; yields the port, which is free to choose with port 0.

    A check returns the problem, which is answered with status 503, or an empty text for 200.
    """

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    def probe(check: Check) -> Callable[[web.Request], object]:
        async def respond(_: web.Request) -> web.Response:
            problem = check()
            return web.Response(text=problem or "ok", status=503 if problem else 200)

        return respond

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/healthz", probe(healthy))  # type: ignore[arg-type]  # aiohttp's handler type is private
    app.router.add_get("/readyz", probe(ready))  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, *address)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
