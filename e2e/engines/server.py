"""The HTTP server of the process: a metrics page per pod, a gateway's counters, health, and the state for people."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from engines.cluster.pods import PodKey
from engines.schedule import MetricsFault

if TYPE_CHECKING:
    from engines.clock import ModelClock
    from engines.engine_fleet import EngineFleet

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_HANG_SECONDS = 3600.0


class Server:
    """The handlers for one fleet. ``is_synced`` is set once all pods have been listed."""

    def __init__(self, fleet: EngineFleet, clock: ModelClock) -> None:
        self._fleet, self._clock = fleet, clock
        self.is_synced = False

    def application(self) -> web.Application:
        """The aiohttp application with all routes."""
        application = web.Application()
        application.router.add_get("/namespaces/{namespace}/pods/{pod}/metrics", self.metrics)
        application.router.add_get("/metrics", self.gateway)
        application.router.add_get("/healthz", self.health)
        application.router.add_get("/state", self.state)
        return application

    async def metrics(self, request: web.Request) -> web.Response:
        """The metrics page of one engine, or the response that its fault defines."""
        key = PodKey(request.match_info["namespace"], request.match_info["pod"])
        engine = self._fleet.engines.get(key)
        if engine is None:
            raise web.HTTPNotFound(text=f"no engine runs on pod {key}\n")
        if engine.fault.metrics is MetricsFault.ERROR:
            raise web.HTTPInternalServerError(text="this engine fails by schedule\n")
        if engine.fault.metrics is MetricsFault.HANG:
            await asyncio.sleep(_HANG_SECONDS)
        page = self._fleet.render(key)
        if page is None:
            # A real engine would not listen yet; this process listens for all engines, so it answers 503.
            raise web.HTTPServiceUnavailable(text=f"the engine on pod {key} is starting\n")
        return web.Response(body=page, headers={"Content-Type": _TEXT})

    async def gateway(self, _request: web.Request) -> web.Response:
        """The metrics of a gateway in front of all deployments: arrived requests, and requests that wait for an engine."""
        lines = [
            "# HELP gateway_requests_total Requests that arrived for a deployment.",
            "# TYPE gateway_requests_total counter",
        ]
        waiting = [
            "# HELP gateway_requests_waiting Requests that wait for a ready replica of their deployment.",
            "# TYPE gateway_requests_waiting gauge",
        ]
        for owner, gateway in sorted(self._fleet.gateways.items()):
            namespace, _, name = owner.partition("/")
            labels = f'{{namespace="{namespace}",deployment="{name}"}}'
            lines.append(f"gateway_requests_total{labels} {gateway.router.arrivals}")
            waiting.append(f"gateway_requests_waiting{labels} {len(gateway.router.queue)}")
        return web.Response(body="\n".join((*lines, *waiting, "")).encode(), headers={"Content-Type": _TEXT})

    async def health(self, _request: web.Request) -> web.Response:
        """200 once all pods have been listed."""
        if not self.is_synced:
            raise web.HTTPServiceUnavailable(text="pods have not been listed yet\n")
        return web.Response(text="ok\n")

    async def state(self, _request: web.Request) -> web.Response:
        """The model time and the state of all deployments as JSON."""
        return web.json_response(
            {
                "modelSeconds": round(self._clock.seconds(), 3),
                "timeScale": self._clock.scale,
                "deployments": self._fleet.document(),
            }
        )
