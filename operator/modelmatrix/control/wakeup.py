"""The queue: keys of what changed, coalesced, and the time of the next look."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from modelmatrix.api.names import Kind
from modelmatrix.planning.views import Key

# Changes come in bursts: one apply makes a dozen objects. Waiting a moment plans once for all of them.
COALESCE_SECONDS = 0.1
MAX_COALESCE_SECONDS = 2.0


class WakeUp:
    """Collects keys until somebody is ready to look at them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._keys: set[tuple[str, Key]] = set()
        self._event = asyncio.Event()

    def add(self, kind: Kind, key: Key) -> None:
        """Note that an object has changed."""
        self._keys.add((kind.plural, key))
        self._event.set()

    def nudge(self) -> None:
        """Ask for a look without naming anything."""
        self._event.set()

    async def wait(self, *, until: float, coalesce_seconds: float) -> int:
        """Wait for a change and a moment longer, at most until a time on the clock. How many objects have changed."""
        left = until - self._clock()
        if left > 0 and not self._event.is_set():
            try:
                async with asyncio.timeout(left):
                    await self._event.wait()
            except TimeoutError:
                return 0
        # Also when the time has passed long ago: whoever looks again without a pause lets nothing else run.
        await asyncio.sleep(min(coalesce_seconds, MAX_COALESCE_SECONDS))
        count = len(self._keys)
        self._keys.clear()
        self._event.clear()
        return count
