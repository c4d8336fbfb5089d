"""Waiting in tests: for something to become true, never for a time to pass."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE_SECONDS = 5.0


async def until(check: Callable[[], object], *, what: str = "") -> None:
    """Wait until ``check`` returns something true.

    Raises:
        AssertionError: it never did.
    """
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while not check():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"this never came true: {what or check}")
        await asyncio.sleep(0.002)


async def settle(rounds: int = 20) -> None:
    """Let everything that is ready run."""
    for _ in range(rounds):
        await asyncio.sleep(0)


class FakeClock:
    """A clock that moves when a test says so."""

    def __init__(self, seconds: float = 1000.0) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        """The time."""
        return self.seconds

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds
