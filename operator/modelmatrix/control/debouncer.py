"""Debounces changes: a burst of them leads to one cycle of the control loop, soon after the first.

``trigger`` notes that something has changed; any number of triggers before the next cycle count as one. ``wait`` returns

- a moment (``coalesce_seconds``) after the first trigger, for one ``kubectl apply`` makes a dozen objects;
- up to half a second later if every change may follow from our own writes: pods, their readiness and addresses of Services
  come for seconds, and no user waits for those;
- at a given time even if nothing has changed, for schedules and retries.

Always at least the moment passes, so a loop whose next time has long come still lets other tasks run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

COALESCE_SECONDS = 0.1
MAX_COALESCE_SECONDS = 2.0
FOLLOWING_SECONDS = 0.5


class Debouncer:
    """Wakes one waiting loop. ``clock`` counts seconds and never goes back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._event = asyncio.Event()
        self._urgent = asyncio.Event()

    def trigger(self, *, follows: bool = False) -> None:
        """Note a change; ``follows``: it may follow from what this operator wrote."""
        self._event.set()
        if not follows:
            self._urgent.set()

    async def wait(self, *, until: float, coalesce_seconds: float) -> None:
        """Wait for a change and ``coalesce_seconds`` longer, at most until a time on the clock."""
        if until > self._clock() and not await self._happens(self._event, until):
            return
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
