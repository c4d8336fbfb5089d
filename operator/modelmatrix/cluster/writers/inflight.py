"""Writes in flight: many in parallel, one at a time per object; the control loop waits for none of them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress

MAX_PARALLEL_WRITES = 16

WriteKey = tuple[str, Hashable]


class InFlight:
    """Runs writes in the background, keyed by kind and object; up to ``max_parallel`` of each kind at once.

    Every kind has its own limit: the API server takes seconds to create a Service while many request an address, and that
    must not delay the start of replicas. A write must handle its own errors. ``on_finish`` is called after each write.
    """

    def __init__(self, max_parallel: int = MAX_PARALLEL_WRITES, on_finish: Callable[[], None] = lambda: None) -> None:
        self._on_finish = on_finish
        self._semaphores: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(max_parallel))
        self._tasks: dict[WriteKey, asyncio.Task[None]] = {}
        self._is_ending = False

    def __contains__(self, name: WriteKey) -> bool:
        """Whether a write of this object is in flight."""
        return name in self._tasks

    def start(self, name: WriteKey, write: Callable[[], Awaitable[None]]) -> None:
        """Start a write; the caller must have checked that no write of this object is in flight."""
        task = asyncio.create_task(self._run(self._semaphores[name[0]], write), name=f"write {name}")
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._finish(name))

    async def drain(self) -> None:
        """Wait until no write is in flight."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values())

    async def shutdown(self, timeout_seconds: float) -> bool:
        """Wait up to ``timeout_seconds`` for the writes in flight, then cancel those that remain; whether none did.

        Writes that wait for others of their kind are given up: whoever leads next plans them again.
        """
        self._is_ending = True
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self.drain()
                return True
        return False

    def _finish(self, name: WriteKey) -> None:
        del self._tasks[name]
        self._on_finish()

    async def _run(self, semaphore: asyncio.Semaphore, write: Callable[[], Awaitable[None]]) -> None:
        async with semaphore:
            if not self._is_ending:
                await write()
