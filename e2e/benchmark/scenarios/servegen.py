"""Requests from ServeGen's client statistics: per client a rate, a burstiness and token lengths that change over time.

The published data contains distributions instead of requests. Inter-arrival times are drawn from the client's Gamma or
Weibull distribution and scaled to the window's rate, token lengths from the published quantiles.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from heapq import merge
from itertools import accumulate
from math import gamma
from typing import TYPE_CHECKING

from modelmatrix.simulation.engine.request import Request
from modelmatrix.simulation.traces.files import TraceError, open_table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path
    from random import Random

    from modelmatrix.simulation.traces.files import Row, Table

WINDOW_SECONDS = 600.0
CLIENT_COLUMNS = ("client", "t_s", "rate_rps", "cv", "pattern", "arg1", "arg2")
_LENGTH_COLUMNS = ("client", "t_s", "field", "mean")


@dataclass(frozen=True, slots=True)
class Window:
    """The rate and burstiness of a client in ten minutes."""

    second: float
    rate_per_second: float
    pattern: str
    shape: float

    def gap(self, random: Random) -> float:
        """A random inter-arrival time with mean 1."""
        if self.pattern == "Gamma":
            return random.gammavariate(self.shape, 1.0 / self.shape)
        return random.weibullvariate(1.0, self.shape) / gamma(1.0 + 1.0 / self.shape)

    def arrivals(self, random: Random, rate_factor: float) -> list[float]:
        """The arrival times of the window's requests; their number is the expectation, rounded at random."""
        expected = self.rate_per_second * rate_factor * WINDOW_SECONDS
        number = int(expected + random.random())
        ends = list(accumulate(self.gap(random) for _ in range(number + 1)))
        if ends[-1] == 0.0:
            # All draws of a very bursty client may be zero: then all its requests arrive at once.
            return [self.second] * number
        return [self.second + WINDOW_SECONDS * end / ends[-1] for end in ends[:number]]


@dataclass(slots=True)
class Quantiles:
    """A distribution of token lengths over time: for the start of each period the values at the table's probabilities."""

    seconds: list[float] = field(default_factory=list)
    values: list[list[float]] = field(default_factory=list)

    def sample(self, second: float, probabilities: list[float], random: Random) -> int:
        """A random length at a time, interpolated between quantiles; at least 1."""
        values = self.values[max(0, bisect_right(self.seconds, second) - 1)]
        place = random.random()
        upper = bisect_right(probabilities, place)
        if upper in {0, len(probabilities)}:
            return max(1, round(values[min(upper, len(values) - 1)]))
        low, high = probabilities[upper - 1], probabilities[upper]
        share = (place - low) / (high - low)
        return max(1, round(values[upper - 1] + share * (values[upper] - values[upper - 1])))


@dataclass(frozen=True, slots=True)
class ClientLengths:
    """The lengths of all clients; a client without published lengths uses those of another one."""

    probabilities: list[float]
    by_client: Mapping[int, Mapping[str, Quantiles]]

    def sample(self, client: int, second: float, random: Random) -> tuple[int, int]:
        """Random input and output tokens of one request."""
        fields = self.by_client.get(client) or self.by_client[sorted(self.by_client)[client % len(self.by_client)]]
        return (
            fields["input_tokens"].sample(second, self.probabilities, random),
            fields["output_tokens"].sample(second, self.probabilities, random),
        )


def read_servegen(
    clients: Path,
    lengths: Path,
    random: Random,
    *,
    only: Collection[int] | None = None,
    between_seconds: tuple[float, float] = (0.0, float("inf")),
    rate_factor: float = 1.0,
) -> Iterator[Request]:
    """Requests of ServeGen clients in order of arrival; second 0 is the start of ``between_seconds``.

    Args:
        clients: table of windows per client.
        lengths: table of length quantiles per client.
        random: seeded source of all draws.
        only: the clients to take; all of them by default.
        between_seconds: part of the trace, in whole windows.
        rate_factor: multiplies every rate.

    Raises:
        TraceError: at the first line of either file that is not as expected.
    """
    table = _read_lengths(lengths)
    start, end = between_seconds
    streams = [
        _stream(client, [window for window in windows if start <= window.second < end], table, random, rate_factor)
        for client, windows in read_clients(clients).items()
        if only is None or client in only
    ]
    for request in merge(*streams):
        yield request._replace(arrival_seconds=request.arrival_seconds - start)


def _stream(
    client: int, windows: list[Window], lengths: ClientLengths, random: Random, rate_factor: float
) -> Iterator[Request]:
    for window in windows:
        for second in window.arrivals(random, rate_factor):
            yield Request(second, *lengths.sample(client, second, random))


def read_clients(path: Path) -> dict[int, list[Window]]:
    """Every client's windows in order of time.

    Raises:
        TraceError: at the first line that is not as expected.
    """
    clients: dict[int, list[Window]] = {}
    with open_table(path) as table:
        _expect(table, CLIENT_COLUMNS)
        for row in table.rows:
            clients.setdefault(row.integer(0, "client"), []).append(_window(row))
    for windows in clients.values():
        windows.sort(key=lambda window: window.second)
    return clients


def _window(row: Row) -> Window:
    pattern, shape = row.cells[4], row.number(5, "arg1")
    if pattern not in {"Gamma", "Weibull"} or shape <= 0:
        raise row.error("the pattern Gamma or Weibull with a shape above 0", f"{pattern} {row.cells[5]}")
    return Window(row.number(1, "t_s"), row.number(2, "rate_rps"), pattern, shape)


def _read_lengths(path: Path) -> ClientLengths:
    clients: dict[int, dict[str, Quantiles]] = {}
    with open_table(path) as table:
        _expect(table, _LENGTH_COLUMNS)
        probabilities = [float(name.removeprefix("q")) / 100.0 for name in table.columns[4:]]
        for row in table.rows:
            quantiles = clients.setdefault(row.integer(0, "client"), {}).setdefault(row.cells[2], Quantiles())
            quantiles.seconds.append(row.number(1, "t_s"))
            quantiles.values.append([row.number(column, table.columns[column]) for column in range(4, len(row.cells))])
    complete = {client: fields for client, fields in clients.items() if fields.keys() >= {"input_tokens", "output_tokens"}}
    if not complete:
        raise TraceError(path, 2, "a client with input_tokens and output_tokens", "none")
    return ClientLengths(probabilities, complete)


def _expect(table: Table, columns: tuple[str, ...]) -> None:
    if table.columns[: len(columns)] != columns:
        raise TraceError(table.path, 1, f"the header {','.join(columns)}", ",".join(table.columns[:8]))
