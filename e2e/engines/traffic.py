"""The arrivals of one deployment from its schedule entry: a part of a trace, or random arrivals at a constant rate."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from modelmatrix.simulation.engine.request import Request
from modelmatrix.simulation.traces.readers import TraceLengths, read_trace
from modelmatrix.simulation.traces.windows import scaled

if TYPE_CHECKING:
    from collections.abc import Iterator
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


def _constant(entry: TrafficEntry, random: Random, begin: float) -> Iterator[Request]:
    rate = (entry.rate_per_second or 0.0) * entry.rate_factor
    second = begin
    while rate > 0:
        second += random.expovariate(rate)
        yield Request(second, entry.input_tokens, entry.output_tokens)
