"""Traces as iterators of requests: two formats of our own and those of published traces, recognized by their header.

Our formats are CSV, gzipped or not: ``second,requests`` (counts in equal steps) and
``second,input_tokens,output_tokens`` (one row per request). Dates of the others are relative to their first row.
Arrivals of counts are spread evenly over their step, or at random with a seeded generator.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, dropwhile, takewhile
from typing import TYPE_CHECKING

from modelmatrix.simulation.engine.request import Request
from modelmatrix.simulation.traces.files import Row, TraceError, open_lines, open_table
from modelmatrix.simulation.traces.mooncake import read_mooncake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from random import Random

    from modelmatrix.simulation.traces.files import Table

COUNTS = ("second", "requests")
REQUESTS = ("second", "input_tokens", "output_tokens")
AZURE_2023 = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
AZURE_2024_COUNTS = ("Time", "TIMESTAMP")
AIBRIX = ("timestamp_ms", "prompt_tokens", "output_tokens")

_TOLERANCE_SECONDS = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceLengths:
    """Token lengths for traces without lengths; the defaults are the means of Azure's conversation trace of 2023."""

    input_tokens: int = 1155
    output_tokens: int = 211


@dataclass(frozen=True, slots=True)
class Count:
    """The number of requests that arrive from ``second`` on within ``step_seconds``."""

    second: float
    step_seconds: float
    requests: float


def read_trace(
    path: Path,
    *,
    lengths: TraceLengths | None = None,
    spread: Random | None = None,
    between_seconds: tuple[float, float] | None = None,
) -> Iterator[Request]:
    """The requests of a trace in order of arrival, read lazily.

    Args:
        path: the file; its header determines the format.
        lengths: token lengths for formats that only count requests.
        spread: places counted requests at random in their step; without it they are spread evenly.
        between_seconds: the part of the trace to read, ``[start, end)``; its start becomes second 0.

    Raises:
        TraceError: while iterating, at the first line that is not as expected.
    """
    if between_seconds is not None:
        start, end = between_seconds
        yield from window(_requests(path, lengths, spread, start), start, end - start)
    else:
        yield from _requests(path, lengths, spread, 0.0)


def window(requests: Iterable[Request], start_seconds: float, duration_seconds: float) -> Iterator[Request]:
    """The requests of a part of a trace, shifted so that the part begins at second 0."""
    end = start_seconds + duration_seconds
    later = dropwhile(lambda request: request.arrival_seconds < start_seconds, requests)
    for request in takewhile(lambda request: request.arrival_seconds < end, later):
        yield request._replace(arrival_seconds=request.arrival_seconds - start_seconds)


def _requests(path: Path, lengths: TraceLengths | None, spread: Random | None, start: float) -> Iterator[Request]:
    """The requests of a trace; those of count formats only from the step of ``start`` on."""
    if _is_json(path):
        yield from read_mooncake(path)
        return
    with open_table(path) as table:
        if table.columns in (COUNTS, AZURE_2024_COUNTS):
            # Generating the requests of a week only to drop them would take minutes.
            part = dropwhile(lambda count: count.second + count.step_seconds <= start, _counts(table))
            yield from _spread_counts(part, lengths or TraceLengths(), spread)
        elif table.columns in _REQUEST_FORMATS:
            yield from _in_order(table, _REQUEST_FORMATS[table.columns])
        else:
            raise _unknown(table)


def has_counts_only(path: Path) -> bool:
    """Whether a trace has counts per step instead of one row per request.

    Raises:
        TraceError: the file has no header.
    """
    if _is_json(path):
        return False
    with open_table(path) as table:
        return table.columns in (COUNTS, AZURE_2024_COUNTS)


def read_counts(path: Path) -> Iterator[Count]:
    """The counts of a trace with counts per step, e.g. for the fluid simulation.

    Raises:
        TraceError: while iterating, at the first invalid line; also if the trace has one row per request.
    """
    with open_table(path) as table:
        if table.columns not in (COUNTS, AZURE_2024_COUNTS):
            raise _unknown(table)
        yield from _counts(table)


def _is_json(path: Path) -> bool:
    with open_lines(path) as lines:
        return lines.read(1) == "{"


def _unknown(table: Table) -> TraceError:
    known = " or ".join(",".join(columns) for columns in (COUNTS, REQUESTS))
    return TraceError(table.path, 1, f"the header {known} (or that of a known public trace)", ",".join(table.columns))


def _in_order(table: Table, parse: Callable[[Row], Request]) -> Iterator[Request]:
    """Requests in order of arrival, relative to the first one for formats with dates; times must not decrease."""
    origin = 0.0
    last = None
    for row in table.rows:
        request = parse(row)
        if last is None and table.columns == AZURE_2023:
            origin = request.arrival_seconds
        request = request._replace(arrival_seconds=request.arrival_seconds - origin, input_tokens=max(1, request.input_tokens))
        if last is not None and request.arrival_seconds < last:
            raise row.error(f"a time at or after the row before ({last:g} s)", f"{request.arrival_seconds:g} s")
        last = request.arrival_seconds
        yield request


_REQUEST_FORMATS: dict[tuple[str, ...], Callable[[Row], Request]] = {
    REQUESTS: lambda row: Request(row.number(0, "second"), row.integer(1, "input_tokens"), row.integer(2, "output_tokens")),
    AZURE_2023: lambda row: Request(
        row.timestamp_seconds(0, "TIMESTAMP"), row.integer(1, "ContextTokens"), row.integer(2, "GeneratedTokens")
    ),
    AIBRIX: lambda row: Request(
        row.number(0, "timestamp_ms") / 1000.0, row.integer(1, "prompt_tokens"), row.integer(2, "output_tokens")
    ),
}


def _counts(table: Table) -> Iterator[Count]:
    """Counts with their step, which the first two rows define and all others must keep."""
    time_of = _time_from_date if table.columns == AZURE_2024_COUNTS else _time_from_number
    first, second = next(table.rows, None), next(table.rows, None)
    if first is None or second is None:
        line = first.line + 1 if first else 2
        raise TraceError(table.path, line, "at least two rows of counts, whose distance is the step", "the end")
    start = time_of(first)
    origin = start if table.columns == AZURE_2024_COUNTS else 0.0
    step = time_of(second) - start
    if step <= 0:
        raise second.error("a later time than in the row before", second.cells[0])
    for number, row in enumerate(chain((first, second), table.rows)):
        expected = start + number * step
        if abs(time_of(row) - expected) > _TOLERANCE_SECONDS:
            raise row.error(f"equal steps of {step:g} s, so {expected - start:g} s after the first row", row.cells[0])
        yield Count(expected - origin, step, row.integer(1, table.columns[1]))


def _time_from_number(row: Row) -> float:
    return row.number(0, "second")


def _time_from_date(row: Row) -> float:
    return row.timestamp_seconds(0, "Time")


def _spread_counts(counts: Iterable[Count], lengths: TraceLengths, spread: Random | None) -> Iterator[Request]:
    for count in counts:
        number = int(count.requests)
        if spread is None:
            positions: Iterable[float] = ((index + 0.5) / number for index in range(number))
        else:
            positions = sorted(spread.random() for _ in range(number))
        for position in positions:
            yield Request(count.second + position * count.step_seconds, lengths.input_tokens, lengths.output_tokens)
