"""The series of one scrape target as columns, one a series that some query needs.

Each sample of an engine is split up once, after its scrape, into one value a series. A window is then a slice, and the
growth of a counter is a difference of two values, however long the window is. Falls of counters, which are rare, are kept
beside them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from math import inf
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from modelmatrix.catalogue.metrics import Signal
from modelmatrix.signals.expressions import SeriesPart
from modelmatrix.simulation.metrics import range_functions
from modelmatrix.simulation.metrics.range_functions import CounterReset, Window, window

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from modelmatrix.simulation.engine.samples import EngineSample

    Read = Callable[[EngineSample], float]

# Samples of a target before they are trimmed to the longest window.
_LONG_COLUMN = 128
_NEVER = -inf

_FIELDS = {
    Signal.RUNNING: "running",
    Signal.WAITING: "waiting",
    Signal.KV_USAGE: "kv_usage_ratio",
    Signal.FINISHED: "finished",
    Signal.INPUT_TOKENS: "prompt_tokens",
    Signal.OUTPUT_TOKENS: "generation_tokens",
    Signal.CACHED_TOKENS: "cached_tokens",
}
HISTOGRAM_FIELDS = {
    Signal.TTFT: "ttft",
    Signal.TPOT: "time_per_output_token",
    Signal.E2E: "e2e",
    Signal.STEP: "inter_token",
}
# Of the histograms of lengths a sample has the sum only; a request is observed when it finishes.
_LENGTH_FIELDS = {Signal.INPUT_LENGTH: "request_prompt_tokens", Signal.OUTPUT_LENGTH: "request_generation_tokens"}


class SeriesName(NamedTuple):
    """One series of a target; ``bound`` is the upper bound of a bucket in seconds, infinite for the last one."""

    signal: Signal
    part: SeriesPart = SeriesPart.PLAIN
    bound: float = inf


def reader(name: SeriesName) -> Read:
    """Reads the value of a series from an engine's sample.

    Raises:
        KeyError: simulated engines have no such series.
    """
    if name.part is SeriesPart.PLAIN:
        return attrgetter(_FIELDS[name.signal])
    if name.signal in _LENGTH_FIELDS:
        return attrgetter({SeriesPart.SUM: _LENGTH_FIELDS[name.signal], SeriesPart.COUNT: "finished"}[name.part])
    histogram = HISTOGRAM_FIELDS[name.signal]
    if name.part is SeriesPart.BUCKET:
        return _bucket_reader(histogram, name.bound)
    return attrgetter({SeriesPart.SUM: f"{histogram}.total", SeriesPart.COUNT: f"{histogram}.count"}[name.part])


def _bucket_reader(histogram: str, bound: float) -> Read:
    histogram_of = attrgetter(histogram)

    def read(sample: EngineSample) -> float:
        buckets = histogram_of(sample)
        count: float = buckets.cumulative[bisect_left(buckets.bounds, bound)]
        return count

    return read


class TargetSeries:
    """Samples of one target, oldest first. ``is_failing``: its last scrape failed; ``is_ended``: it is not scraped any more."""

    __slots__ = (
        "_columns",
        "_end_second",
        "_reads",
        "_resets",
        "_windows",
        "gapless_since",
        "is_ended",
        "is_failing",
        "pod",
        "pool",
        "seconds",
    )

    def __init__(self, pod: str, pool: str, reads: Sequence[Read]) -> None:
        self.pod, self.pool = pod, pool
        self.is_failing = self.is_ended = False
        self.seconds: list[float] = []
        self.gapless_since = _NEVER
        self._reads = reads
        self._columns: tuple[list[float], ...] = tuple([] for _ in reads)
        self._resets: tuple[list[CounterReset], ...] = tuple([] for _ in reads)
        self._windows: dict[float, Window] = {}
        self._end_second = _NEVER

    @property
    def last_second(self) -> float:
        """The second of the newest sample."""
        return self.seconds[-1] if self.seconds else _NEVER

    def append(self, sample: EngineSample, longest_gap_seconds: float) -> None:
        """Add the next sample; ``gapless_since`` starts anew after a gap longer than the given one."""
        if sample.second - self.last_second > longest_gap_seconds:
            self.gapless_since = sample.second
        for column, resets, read in zip(self._columns, self._resets, self._reads, strict=True):
            value = read(sample)
            if column and value < column[-1]:
                resets.append(CounterReset(len(column), column[-1]))
            column.append(value)
        self.seconds.append(sample.second)

    def move_to(self, end_second: float, longest_window_seconds: float) -> None:
        """Let windows end at a second from now on, and forget samples that no window reaches."""
        self._end_second = end_second
        self._windows.clear()
        if len(self.seconds) > _LONG_COLUMN:
            self._trim(bisect_right(self.seconds, end_second - longest_window_seconds))

    def newest(self, column: int) -> float:
        """The newest value; there must be one."""
        return self._columns[column][-1]

    def increase(self, column: int, seconds: float) -> float | None:
        """Growth of a counter over a window."""
        return range_functions.increase(self._columns[column], self._resets[column], self._window(seconds))

    def delta(self, column: int, seconds: float) -> float | None:
        """Change of a gauge over a window."""
        return range_functions.delta(self._columns[column], self._window(seconds))

    def mean(self, column: int, seconds: float) -> float | None:
        """Mean of a gauge over its samples in a window."""
        return range_functions.mean(self._columns[column], self._window(seconds))

    def _window(self, seconds: float) -> Window:
        found = self._windows.get(seconds)
        if found is None:
            found = self._windows[seconds] = window(self.seconds, self._end_second, seconds)
        return found

    def _trim(self, number: int) -> None:
        del self.seconds[:number]
        for column, resets in zip(self._columns, self._resets, strict=True):
            del column[:number]
            resets[:] = [CounterReset(position - number, before) for position, before in resets if position > number]
