"""The process: watches pods, advances the model time, writes readiness and serves metrics pages until a signal."""

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
from engines.engine_fleet import EngineFleet
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
# Before that, the effect of a patch may not have arrived through the watch yet.
_REPEAT_AFTER_SECONDS = 5.0
_MAX_PARALLEL_PATCHES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of the process; without a ``schedule`` there is no traffic."""

    access: Access
    port: int
    profile_of: ProfileOf
    time_scale: float
    schedule: Path | None = None
    host: str = "127.0.0.1"


async def run_engines(options: Options) -> None:
    """Simulate all engines until SIGTERM or SIGINT."""
    clock = ModelClock(options.time_scale)
    folder = options.schedule.resolve().parent if options.schedule else Path.cwd()
    fleet = EngineFleet(options.profile_of, folder=folder, unix_seconds=clock.unix_seconds)
    server = Server(fleet, clock)
    headers = {"Authorization": f"Bearer {options.access.token}", "User-Agent": "simulated-engines"}
    async with aiohttp.ClientSession(headers=headers) as session, _listening(server, options):
        engine_tasks = _EngineTasks(fleet, ApiServer(options.access, session), clock, server)
        tasks = [
            asyncio.create_task(engine_tasks.follow_pods(), name="pods"),
            asyncio.create_task(engine_tasks.run_clock(ScheduleFile(options.schedule)), name="time"),
            asyncio.create_task(_wait_for_signal(), name="signal"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await engine_tasks.close()


class _EngineTasks:
    """The tasks that drive one fleet."""

    def __init__(self, fleet: EngineFleet, apiserver: ApiServer, clock: ModelClock, server: Server) -> None:
        self._fleet, self._apiserver, self._clock, self._server = fleet, apiserver, clock, server
        self._requested: dict[PodKey, tuple[str, bool, float]] = {}
        self._patches: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_MAX_PARALLEL_PATCHES)

    async def follow_pods(self) -> None:
        """Apply every pod event of the API server to the fleet."""
        async for event in self._apiserver.pod_events():
            self._apply_event(event)

    def _apply_event(self, event: PodEvent) -> None:
        views = [pod_view(pod) for pod in event.pods]
        if event.kind == "LISTED":
            self._fleet.replace_pods(views)
            self._server.is_synced = True
            return
        for view in views:
            if event.kind == "DELETED":
                self._fleet.remove_pod(view.key)
                self._requested.pop(view.key, None)
            else:
                self._fleet.put_pod(view)

    async def run_clock(self, schedule: ScheduleFile) -> None:
        """Tick every 50 ms, request readiness changes, and read the schedule every second."""
        loop = asyncio.get_running_loop()
        next_schedule_read = 0.0
        while True:
            if loop.time() >= next_schedule_read:
                next_schedule_read = loop.time() + _SCHEDULE_SECONDS
                self._read(schedule)
            self._fleet.tick(self._clock.seconds())
            for desired in self._fleet.readiness_changes():
                self._request_readiness(desired, loop.time())
            await asyncio.sleep(_TICK_SECONDS)

    def _read(self, file: ScheduleFile) -> None:
        try:
            schedule = file.read_if_changed()
        except ScheduleError as error:
            _log.warning("%s; the last schedule stays in effect", error)
            return
        if schedule is not None:
            self._fleet.set_schedule(schedule)

    def _request_readiness(self, desired: Readiness, now: float) -> None:
        uid, is_ready, asked_at = self._requested.get(desired.view.key, ("", False, 0.0))
        if (uid, is_ready) == (desired.view.uid, desired.is_ready) and now < asked_at + _REPEAT_AFTER_SECONDS:
            return
        self._requested[desired.view.key] = desired.view.uid, desired.is_ready, now
        task = asyncio.create_task(self._patch(desired))
        self._patches.add(task)
        task.add_done_callback(self._patches.discard)

    async def _patch(self, desired: Readiness) -> None:
        async with self._slots:
            try:
                await self._apiserver.patch_readiness(desired.view, is_ready=desired.is_ready)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                _log.warning("cannot write the readiness of %s: %s", desired.view.key, error)

    async def close(self) -> None:
        """Cancel the patches in flight."""
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


async def _wait_for_signal() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
