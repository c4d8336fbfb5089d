"""Event loops with virtual time, which advances only when no callback is ready: hours of waiting in milliseconds."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")
MOST_STEPS = 200_000


class _Selector(selectors.DefaultSelector):
    """A selector that does not wait, but advances the time of its loop."""

    loop: VirtualTimeLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if not events:
            self.loop.step(timeout)
        return events


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop that starts at second 0 and ignores real time."""

    def __init__(self) -> None:
        self.now = 0.0
        self._steps = 0
        selector = _Selector()
        super().__init__(selector)
        selector.loop = self

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self.now

    def step(self, timeout: float | None) -> None:
        """Jump to the next timer.

        Raises:
            AssertionError: no timer is left, or a task never waits.
        """
        self._steps += 1
        assert timeout is not None, "every task waits for something that will never happen"
        assert self._steps < MOST_STEPS, "a task spins without letting time pass"
        self.now += timeout


def simulate(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
