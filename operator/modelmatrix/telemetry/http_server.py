"""The HTTP server of the operator: /metrics, /healthz and /readyz; by TLS and with a right to /metrics where asked."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

Check = Callable[[], str]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

METRICS_PATH = "/metrics"
_BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class SecureServing:
    """TLS with a certificate and key as PEM files, read again when they change.

    ``status_of`` gets the bearer token of a reader of the metrics, empty without one, and returns 200 if it may read them.
    """

    certificate_file: str
    key_file: str
    status_of: Callable[[str], Awaitable[int]]


@asynccontextmanager
async def serve(
    address: tuple[str, int],
    registry: CollectorRegistry,
    *,
    healthy: Check,
    ready: Check,
    secure: SecureServing | None = None,
) -> AsyncIterator[int]:
    """Serve while the context is open; yields the port, which is free to choose with port 0.

    A check returns the problem, which is answered with status 503, or an empty text for 200. Probes need no token.

    Raises:
        OSError: a file of ``secure`` cannot be read, or the port is taken.
    """

    async def metrics(request: web.Request) -> web.Response:
        status = 200 if secure is None else await secure.status_of(_bearer_token(request))
        if status != 200:  # noqa: PLR2004 - the status of success
            return web.Response(status=status)
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    def probe(check: Check) -> Callable[[web.Request], object]:
        async def respond(_: web.Request) -> web.Response:
            problem = check()
            return web.Response(text=problem or "ok", status=503 if problem else 200)

        return respond

    certificate = None if secure is None else _Certificate(secure)
    app = web.Application(middlewares=[certificate.refresh] if certificate else [])
    app.router.add_get(METRICS_PATH, metrics)
    app.router.add_get("/healthz", probe(healthy))  # type: ignore[arg-type]  # aiohttp's handler type is private
    app.router.add_get("/readyz", probe(ready))  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, *address, ssl_context=certificate.context if certificate else None)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _bearer_token(request: web.Request) -> str:
    header = request.headers.get("Authorization", "")
    return header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else ""


class _Certificate:
    """A TLS context whose certificate is that of the files: each request looks at their times, so probes keep it fresh."""

    def __init__(self, secure: SecureServing) -> None:
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._files = (secure.certificate_file, secure.key_file)
        self._loaded: tuple[int, ...] = ()
        self._load()

    def _load(self) -> None:
        times = tuple(Path(file).stat().st_mtime_ns for file in self._files)
        if times != self._loaded:
            self.context.load_cert_chain(*self._files)
            self._loaded = times

    @web.middleware
    async def refresh(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Load what has changed; connections that come later see it. Files that are being replaced are read next time."""
        with suppress(OSError):  # ssl.SSLError is one: a key that does not fit its certificate
            self._load()
        return await handler(request)
