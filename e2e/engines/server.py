"""What the engines' process answers: a metrics page per pod, a gateway's counters, health, and the state for people."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from engines.cluster.pods import PodKey
from engines.schedule import MetricsFault

if TYPE_CHECKING:
    from engines.clock import ModelClock
    from engines.engine_fleet import World

_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_HANG_SECONDS = 3600.0


class Server:
    """Handlers over one world. ``is_synced`` is set once all pods have been listed."""

    def __init__(self, world: World, clock: ModelClock) -> None:
        self._world, self._clock = world, clock
        self.is_synced = False

    def application(self) -> web.Application:
        """The routes."""
        application = web.Application()
        application.router.add_get("/namespaces/{namespace}/pods/{pod}/metrics", self.metrics)
        application.router.add_get("/metrics", self.gateway)
        application.router.add_get("/healthz", self.health)
        application.router.add_get("/state", self.state)
        return application

    async def metrics(self, request: web.Request) -> web.Response:
        """The page of one engine, or what its fault makes of it."""
        key = PodKey(request.match_info["namespace"], request.match_info["pod"])
        engine = self._world.engines.get(key)
        if engine is None:
            raise web.HTTPNotFound(text=f"no engine runs on pod {key}\n")
        if engine.fault.metrics is MetricsFault.ERROR:
            raise web.HTTPInternalServerError(text="this engine fails, as the schedule says\n")
        if engine.fault.metrics is MetricsFault.HANG:
            await asyncio.sleep(_HANG_SECONDS)
        page = self._world.render(key)
        if page is None:
            # A real engine does not listen yet; this process does, so it can only say so.
            raise web.HTTPServiceUnavailable(text=f"the engine on pod {key} is starting\n")
        return web.Response(body=page, headers={"Content-Type": _TEXT})

    async def gateway(self, _request: web.Request) -> web.Response:
        """Counters of a gateway in front of all deployments: requests that came, and that wait for an engine."""
        lines = [
            "# HELP gateway_requests_total Requests that arrived for a deployment.",
            "# TYPE gateway_requests_total counter",
        ]
        waiting = [
            "# HELP gateway_requests_waiting Requests that wait for a ready replica of their deployment.",
            "# TYPE gateway_requests_waiting gauge",
        ]
        for owner, door in sorted(self._world.doors.items()):
            namespace, _, name = owner.partition("/")
            labels = f'{{namespace="{namespace}",deployment="{name}"}}'
            lines.append(f"gateway_requests_total{labels} {door.router.arrivals}")
            waiting.append(f"gateway_requests_waiting{labels} {len(door.router.queue)}")
        return web.Response(body="\n".join((*lines, *waiting, "")).encode(), headers={"Content-Type": _TEXT})

    async def health(self, _request: web.Request) -> web.Response:
        """Whether the pods are known."""
        if not self.is_synced:
            raise web.HTTPServiceUnavailable(text="pods have not been listed yet\n")
        return web.Response(text="ok\n")

    async def state(self, _request: web.Request) -> web.Response:
        """Everything, as JSON."""
        return web.json_response(
            {
                "modelSeconds": round(self._clock.seconds(), 3),
                "timeScale": self._clock.scale,
                "deployments": self._world.document(),
            }
        )
