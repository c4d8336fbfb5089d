"""Writes under way: several at once, one at a time for an object, none of them waited for by the control loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable

PARALLEL_WRITES = 16


class InFlight:
    """Runs writes in the background. A write must handle its own errors. ``ended`` is called after each of them."""

    def __init__(self, parallel: int = PARALLEL_WRITES, ended: Callable[[], None] = lambda: None) -> None:
        self._ended = ended
        self._gate = asyncio.Semaphore(parallel)
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}

    def __contains__(self, name: Hashable) -> bool:
        """Whether a write of that name is under way."""
        return name in self._tasks

    def start(self, name: Hashable, write: Callable[[], Awaitable[None]]) -> None:
        """Start a write; the caller has made sure that none of that name is under way."""
        task = asyncio.create_task(self._run(write), name=f"write {name}")
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._end(name))

    async def drain(self) -> None:
        """Wait until everything that was started has ended."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values())

    def _end(self, name: Hashable) -> None:
        del self._tasks[name]
        self._ended()

    async def _run(self, write: Callable[[], Awaitable[None]]) -> None:
        async with self._gate:
            await write()
