"""Polls until a probe returns a value."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from localcluster.errors import LocalClusterError

POLL_SECONDS = 0.3

Value = TypeVar("Value")


def wait_for(probe: Callable[[], Value | None], what: str, timeout_seconds: float) -> Value:
    """The first result of a probe that is not ``None``; ``what`` names it in the error.

    Raises:
        LocalClusterError: the probe returned no result in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        value = probe()
        if value is not None:
            return value
        time.sleep(POLL_SECONDS)
    raise LocalClusterError(f"no {what} within {timeout_seconds:g} s")
