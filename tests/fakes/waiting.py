"""Waiting in tests for a condition, never for a fixed time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE_SECONDS = 5.0


async def until(check: Callable[[], object], *, what: str = "") -> None:
    """Wait until ``check`` returns something true.

    Raises:
        AssertionError: it never did within ``PATIENCE_SECONDS``.
    """
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while not check():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"this never came true: {what or check}")
        await asyncio.sleep(0.002)


async def settle(rounds: int = 20) -> None:
    """Run all ready callbacks."""
    for _ in range(rounds):
        await asyncio.sleep(0)


class FakeClock:
    """A clock that a test advances."""

    def __init__(self, seconds: float = 1000.0) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        """The time."""
        return self.seconds

    def pass_(self, seconds: float) -> None:
        """Advance the time."""
        self.seconds += seconds
