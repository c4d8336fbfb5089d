"""What Prometheus computes from the samples of one series in a window: growth of counters, change of gauges, means. Pure.

``increase`` and ``delta`` do not return the plain difference between the last and the first sample. Prometheus extrapolates
it to the edges of the window (``extrapolatedRate`` in its promql package), by at most half a scrape interval where the
series begins or ends inside the window, and a counter never to below zero. Decisions rest on such numbers, so the simulator
computes the same ones. With fewer than two samples there is no result.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

# A first sample that is further from the edge than this many intervals was the first of its series.
_NEARLY_ONE = 1.1


class Window(NamedTuple):
    """The samples of a series that are younger than ``length_seconds``: those from the index ``first`` on.

    ``before_seconds`` and ``after_seconds`` are by what the span of the samples is extrapolated.
    """

    first: int
    number: int
    span_seconds: float
    before_seconds: float
    after_seconds: float


class CounterReset(NamedTuple):
    """A counter that fell: the position of the first sample after the fall, and the value before it."""

    position: int
    before: float


def window(seconds: Sequence[float], end_second: float, length_seconds: float) -> Window:
    """The window of samples at ``seconds``, ascending, that ends at a second, which no sample is after; it may be empty."""
    first = bisect_right(seconds, end_second - length_seconds)
    number = len(seconds) - first
    if number < 2:  # noqa: PLR2004 - nothing to extrapolate
        return Window(first, number, 0.0, 0.0, 0.0)
    oldest, newest = seconds[first], seconds[-1]
    span = newest - oldest
    interval = span / (number - 1)
    before, after = oldest - (end_second - length_seconds), end_second - newest
    before, after = (gap if gap < _NEARLY_ONE * interval else interval / 2.0 for gap in (before, after))
    return Window(first, number, span, before, after)


def increase(values: Sequence[float], resets: Sequence[CounterReset], within: Window) -> float | None:
    """Growth of a counter; a fall is a restart from zero."""
    if within.number < 2:  # noqa: PLR2004 - growth is between two samples
        return None
    start = values[within.first]
    grown = values[-1] - start
    if resets:
        grown += sum(reset.before for reset in resets if reset.position > within.first)
    if grown <= 0:
        return grown
    span = within.span_seconds
    # A counter cannot have been below zero before its first sample.
    before = min(within.before_seconds, span * start / grown)
    return grown * (span + before + within.after_seconds) / span


def delta(values: Sequence[float], within: Window) -> float | None:
    """Change of a gauge."""
    if within.number < 2:  # noqa: PLR2004 - a change is between two samples
        return None
    span = within.span_seconds
    return (values[-1] - values[within.first]) * (span + within.before_seconds + within.after_seconds) / span


def mean(values: Sequence[float], within: Window) -> float | None:
    """Mean over the samples."""
    return sum(values[within.first :]) / within.number if within.number else None
