"""The arrivals of one deployment from its schedule entry: a part of a trace, or random arrivals at a constant rate."""

from __future__ import annotations

from heapq import heappop, heappush
from random import Random
from typing import TYPE_CHECKING

from modelmatrix.simulation.engine.request import Request
from modelmatrix.simulation.traces.readers import TraceLengths, read_trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from engines.schedule import TrafficEntry

_JITTER_SECONDS = 10.0


def arrivals(entry: TrafficEntry, folder: Path, *, seed: str, start_second: float) -> Iterator[Request]:
    """Requests in model time, from ``start_second`` plus the entry's own on; deterministic for a seed.

    Raises:
        TraceError: while iterating, at the first invalid line of the trace.
    """
    random = Random(seed)  # noqa: S311 - traffic, no secret
    begin = start_second + entry.start_second
    if entry.trace is None:
        yield from _constant(entry, random, begin)
        return
    lengths = TraceLengths(input_tokens=entry.input_tokens, output_tokens=entry.output_tokens)
    part = (entry.offset_seconds, float("inf"))
    trace = read_trace(folder / entry.trace, lengths=lengths, spread=random, between_seconds=part)
    for request in scaled(trace, entry.rate_factor, random, jitter_seconds=_JITTER_SECONDS):
        yield request._replace(arrival_seconds=request.arrival_seconds + begin)


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


def _constant(entry: TrafficEntry, random: Random, begin: float) -> Iterator[Request]:
    rate = (entry.rate_per_second or 0.0) * entry.rate_factor
    second = begin
    while rate > 0:
        second += random.expovariate(rate)
        yield Request(second, entry.input_tokens, entry.output_tokens)
