"""When to look again: soon after a change, once for many of them, and when the time has come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

# Changes come in bursts: one apply makes a dozen objects. Waiting a moment plans once for all of them.
COALESCE_SECONDS = 0.1
MAX_COALESCE_SECONDS = 2.0
# What follows from our own writes comes for seconds: pods, their readiness, addresses of Services. Nobody waits for those.
FOLLOWING_SECONDS = 0.5


class Debouncer:
    """Wakes whoever waits, once for changes that come together."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._event = asyncio.Event()
        self._urgent = asyncio.Event()

    def trigger(self, *, follows: bool = False) -> None:
        """Ask for a look; ``follows`` says that what has changed may follow from what we have written."""
        self._event.set()
        if not follows:
            self._urgent.set()

    async def wait(self, *, until: float, coalesce_seconds: float) -> None:
        """Wait for a change and a moment longer, at most until a time on the clock.

        The moment is longer where all that has changed may follow from our own writes.
        """
        if until > self._clock() and not await self._happens(self._event, until):
            return
        # Also when the time has passed long ago: whoever looks again without a pause lets nothing else run.
        pause = min(coalesce_seconds, MAX_COALESCE_SECONDS)
        await asyncio.sleep(pause)
        if self._event.is_set():
            await self._happens(self._urgent, self._clock() + FOLLOWING_SECONDS - pause)
        self._event.clear()
        self._urgent.clear()

    async def _happens(self, event: asyncio.Event, until: float) -> bool:
        """Whether an event happens until a time on the clock."""
        left = until - self._clock()
        if left > 0 and not event.is_set():
            try:
                async with asyncio.timeout(left):
                    await event.wait()
            except TimeoutError:
                return False
        return event.is_set()
