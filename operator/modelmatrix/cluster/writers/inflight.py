"""Writes under way: several at once, one at a time for an object, none of them waited for by the control loop."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress

PARALLEL_WRITES = 16

Name = tuple[str, Hashable]


class InFlight:
    """Runs writes in the background, by kind and identity of what is written; ``parallel`` of a kind at once.

    Each kind waits for its own only: the API server takes seconds for a Service when many want an address, and no replica
    should start later for that. A write must handle its own errors. ``ended`` is called after each of them.
    """

    def __init__(self, parallel: int = PARALLEL_WRITES, ended: Callable[[], None] = lambda: None) -> None:
        self._ended = ended
        self._gates: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(parallel))
        self._tasks: dict[Name, asyncio.Task[None]] = {}

    def __contains__(self, name: Name) -> bool:
        """Whether a write of that name is under way."""
        return name in self._tasks

    def start(self, name: Name, write: Callable[[], Awaitable[None]]) -> None:
        """Start a write; the caller has made sure that none of that name is under way."""
        task = asyncio.create_task(self._run(self._gates[name[0]], write), name=f"write {name}")
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._end(name))

    async def drain(self) -> None:
        """Wait until everything that was started has ended."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values())

    async def end(self, seconds: float) -> None:
        """Wait so long at most until everything has ended, and cancel what has not."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.drain()

    def _end(self, name: Name) -> None:
        del self._tasks[name]
        self._ended()

    async def _run(self, gate: asyncio.Semaphore, write: Callable[[], Awaitable[None]]) -> None:
        async with gate:
            await write()
