"""Parts, scaled copies and counts of traces, and their steepest window. Pure."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import accumulate, dropwhile, takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from random import Random

    from modelmatrix.simulation.engine.request import Request


def window(requests: Iterable[Request], start_seconds: float, duration_seconds: float) -> Iterator[Request]:
    """The requests of a part of a trace, shifted so that the part begins at second 0."""
    end = start_seconds + duration_seconds
    later = dropwhile(lambda request: request.arrival_seconds < start_seconds, requests)
    for request in takewhile(lambda request: request.arrival_seconds < end, later):
        yield request._replace(arrival_seconds=request.arrival_seconds - start_seconds)


def scaled(requests: Iterable[Request], factor: float, random: Random, *, jitter_seconds: float) -> Iterator[Request]:
    """A trace with ``factor`` times the requests, in order of arrival.

    Below 1, requests are dropped at random. Above 1 they are repeated, each copy up to ``jitter_seconds`` later: copies that
    arrive together would be bursts that the trace does not have.
    """
    copies: list[Request] = []
    for request in requests:
        while copies and copies[0].arrival_seconds <= request.arrival_seconds:
            yield heappop(copies)
        number = int(factor + random.random())
        if number:
            yield request
        for _ in range(number - 1):
            delay = random.uniform(0.0, jitter_seconds)
            heappush(copies, request._replace(arrival_seconds=request.arrival_seconds + delay))
    while copies:
        yield heappop(copies)


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
