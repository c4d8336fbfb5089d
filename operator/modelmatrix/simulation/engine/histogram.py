"""Prometheus histograms with bulk observation: one call for a whole block of engine steps.

Counts are per bucket and not cumulative; :meth:`Histogram.cumulative` gives the form of a metrics page. No labels, no clock.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Histogram:
    """Observations by upper bound; the bucket after the last bound is ``+Inf``."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Iterable[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts: list[float] = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    def observe(self, value: float, times: float = 1) -> None:
        """Observe a value ``times`` times; it belongs to the first bucket whose upper bound is at or above it."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    def observe_ramp(self, first: float, last: float, steps: int, times: int) -> None:
        """Observe ``steps`` values that grow linearly from ``first`` to ``last``, each of them ``times`` times."""
        bounds, counts = self.bounds, self.counts
        self.total += (first + last) * 0.5 * steps * times
        low, high = bisect_left(bounds, first), bisect_left(bounds, last)
        if low == high:
            counts[low] += steps * times
            return
        slope = (last - first) / (steps - 1)
        below = 0
        for bucket in range(low, high):
            within = _values_up_to(bounds[bucket], first, slope)
            counts[bucket] += (within - below) * times
            below = within
        counts[high] += (steps - below) * times

    @property
    def count(self) -> float:
        """Number of observations."""
        return sum(self.counts)

    def cumulative(self) -> tuple[float, ...]:
        """Observations at or below each bound, ``+Inf`` last, as on a metrics page."""
        return tuple(accumulate(self.counts))


def _values_up_to(bound: float, first: float, slope: float) -> int:
    """How many of ``first, first + slope, ...`` are at or below a bound that lies inside the ramp."""
    number = int((bound - first) / slope) + 1
    # The division can be off by one unit in the last place, which matters where the bound equals one of the values.
    while first + slope * (number - 1) > bound:
        number -= 1
    while first + slope * number <= bound:
        number += 1
    return number
