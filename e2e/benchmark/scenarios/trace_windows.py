"""Where the load of a trace grows most, from its counts. Needs no numpy: the demo uses it too."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modelmatrix.simulation.engine.request import Request


def counts_of(requests: Iterable[Request], step_seconds: float) -> list[int]:
    """Arrivals per step from second 0 on, up to the step of the last request."""
    counts: list[int] = []
    for request in requests:
        step = int(request.arrival_seconds // step_seconds)
        counts.extend([0] * (step + 1 - len(counts)))
        counts[step] += 1
    return counts


def steepest_window(
    counts: Sequence[float], step_seconds: float, *, window_seconds: float = 1800.0, smoothing_seconds: float = 300.0
) -> float:
    """The start, in seconds, of the window in which the smoothed arrival rate grows most.

    The rate at a time is the mean over ``smoothing_seconds`` around it, so that a single burst does not count as a ramp.

    Raises:
        ValueError: the trace is shorter than a window and its smoothing.
    """
    span = max(1, round(window_seconds / step_seconds))
    half = max(1, round(smoothing_seconds / step_seconds / 2))
    if len(counts) < span + 2 * half:
        raise ValueError(f"{len(counts)} steps of {step_seconds:g} s: too short for a window of {window_seconds:g} s")
    total = [0.0, *accumulate(counts)]
    smoothed = [total[place + half] - total[place - half] for place in range(half, len(counts) - half + 1)]
    growth = [smoothed[place + span] - smoothed[place] for place in range(len(smoothed) - span)]
    return (growth.index(max(growth)) + half) * step_seconds
