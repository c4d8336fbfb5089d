"""The queue: keys of what changed, coalesced, and the time of the next look."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from modelmatrix.api.names import Kind
from modelmatrix.planning.views import Key

# Changes come in bursts: one apply makes a dozen objects. Waiting a moment plans once for all of them.
COALESCE_SECONDS = 0.1
MAX_COALESCE_SECONDS = 2.0
# What follows from our own writes comes for seconds: pods, their readiness, addresses of Services. Nobody waits for those.
FOLLOWING_SECONDS = 0.5


class WakeUp:
    """Collects keys until somebody is ready to look at them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._keys: set[tuple[str, Key]] = set()
        self._event = asyncio.Event()
        self._urgent = asyncio.Event()

    def add(self, kind: Kind, key: Key, *, follows: bool = False) -> None:
        """Note that an object has changed; ``follows`` says that this may follow from what we have written."""
        self._keys.add((kind.plural, key))
        self._event.set()
        if not follows:
            self._urgent.set()

    def nudge(self) -> None:
        """Ask for a look without naming anything."""
        self._event.set()
        self._urgent.set()

    async def wait(self, *, until: float, coalesce_seconds: float) -> int:
        """Wait for a change and a moment longer, at most until a time on the clock. How many objects have changed.

        The moment is longer where all that has changed may follow from our own writes.
        """
        if until > self._clock() and not await self._happens(self._event, until):
            return 0
        # Also when the time has passed long ago: whoever looks again without a pause lets nothing else run.
        pause = min(coalesce_seconds, MAX_COALESCE_SECONDS)
        await asyncio.sleep(pause)
        if self._event.is_set():
            await self._happens(self._urgent, self._clock() + FOLLOWING_SECONDS - pause)
        count = len(self._keys)
        self._keys.clear()
        self._event.clear()
        self._urgent.clear()
        return count

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
