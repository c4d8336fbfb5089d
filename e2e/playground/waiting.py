"""Waits until something is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from localcluster.errors import LocalClusterError

POLL_SECONDS = 0.3

Found = TypeVar("Found")


def wait_for(probe: Callable[[], Found | None], what: str, timeout_seconds: float) -> Found:
    """The first answer of a probe that is not ``None``.

    Raises:
        LocalClusterError: there was none in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        found = probe()
        if found is not None:
            return found
        time.sleep(POLL_SECONDS)
    raise LocalClusterError(f"no {what} within {timeout_seconds:g} s")
