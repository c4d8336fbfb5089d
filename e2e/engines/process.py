"""The process: watches pods, lets time pass, writes readiness, serves pages, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from engines.clock import ModelClock
from engines.cluster.apiserver import ApiServer, PodEvent
from engines.cluster.pods import pod_view
from engines.engine_fleet import World
from engines.schedule import ScheduleError, ScheduleFile
from engines.server import Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engines.cluster.kubeconfig import Access
    from engines.cluster.pods import PodKey
    from engines.engine_fleet import Readiness
    from engines.profiles import ProfileOf

_log = logging.getLogger(__name__)
_TICK_SECONDS = 0.05
_SCHEDULE_SECONDS = 1.0
# Until then, what was asked for may still be on its way back through the watch.
_ASK_AGAIN_SECONDS = 5.0
_PATCHES_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to play. ``schedule`` may be absent: then there is no traffic."""

    access: Access
    port: int
    profile_of: ProfileOf
    time_scale: float
    schedule: Path | None = None
    host: str = "127.0.0.1"


async def play(options: Options) -> None:
    """Play all engines until SIGTERM or SIGINT."""
    clock = ModelClock(options.time_scale)
    folder = options.schedule.resolve().parent if options.schedule else Path.cwd()
    world = World(options.profile_of, folder=folder, unix_seconds=clock.unix_seconds)
    server = Server(world, clock)
    headers = {"Authorization": f"Bearer {options.access.token}", "User-Agent": "simulated-engines"}
    async with aiohttp.ClientSession(headers=headers) as session, _listening(server, options):
        stage = _Stage(world, ApiServer(options.access, session), clock, server)
        tasks = [
            asyncio.create_task(stage.follow_pods(), name="pods"),
            asyncio.create_task(stage.pass_time(ScheduleFile(options.schedule)), name="time"),
            asyncio.create_task(_stopped(), name="signal"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await stage.close()


class _Stage:
    """The tasks over one world."""

    def __init__(self, world: World, apiserver: ApiServer, clock: ModelClock, server: Server) -> None:
        self._world, self._apiserver, self._clock, self._server = world, apiserver, clock, server
        self._asked: dict[PodKey, tuple[str, bool, float]] = {}
        self._patches: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_PATCHES_AT_ONCE)

    async def follow_pods(self) -> None:
        """Keep the world's pods as the API server has them."""
        async for event in self._apiserver.pod_events():
            self._see(event)

    def _see(self, event: PodEvent) -> None:
        views = [pod_view(pod) for pod in event.pods]
        if event.kind == "LISTED":
            self._world.replace_pods(views)
            self._server.is_synced = True
            return
        for view in views:
            if event.kind == "DELETED":
                self._world.remove_pod(view.key)
                self._asked.pop(view.key, None)
            else:
                self._world.put_pod(view)

    async def pass_time(self, schedule: ScheduleFile) -> None:
        """Tick, ask for readiness, look at the schedule now and then."""
        loop = asyncio.get_running_loop()
        look_again = 0.0
        while True:
            if loop.time() >= look_again:
                look_again = loop.time() + _SCHEDULE_SECONDS
                self._read(schedule)
            self._world.tick(self._clock.seconds())
            for wanted in self._world.wanted_readiness():
                self._ask(wanted, loop.time())
            await asyncio.sleep(_TICK_SECONDS)

    def _read(self, file: ScheduleFile) -> None:
        try:
            schedule = file.read_if_changed()
        except ScheduleError as error:
            _log.warning("%s; going on as before", error)
            return
        if schedule is not None:
            self._world.set_schedule(schedule)

    def _ask(self, wanted: Readiness, now: float) -> None:
        uid, is_ready, asked_at = self._asked.get(wanted.view.key, ("", False, 0.0))
        if (uid, is_ready) == (wanted.view.uid, wanted.is_ready) and now < asked_at + _ASK_AGAIN_SECONDS:
            return
        self._asked[wanted.view.key] = wanted.view.uid, wanted.is_ready, now
        task = asyncio.create_task(self._patch(wanted))
        self._patches.add(task)
        task.add_done_callback(self._patches.discard)

    async def _patch(self, wanted: Readiness) -> None:
        async with self._slots:
            try:
                await self._apiserver.patch_readiness(wanted.view, is_ready=wanted.is_ready)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                _log.warning("cannot write the readiness of %s: %s", wanted.view.key, error)

    async def close(self) -> None:
        """Stop asking."""
        for task in self._patches:
            task.cancel()
        await asyncio.gather(*self._patches, return_exceptions=True)


@contextlib.asynccontextmanager
async def _listening(server: Server, options: Options) -> AsyncIterator[None]:
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, options.host, options.port).start()
        yield
    finally:
        await runner.cleanup()


async def _stopped() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
