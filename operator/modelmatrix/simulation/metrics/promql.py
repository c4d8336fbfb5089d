"""What PromQL computes from the samples of one target: growth of counters, change of gauges, means, over a window.

Extrapolated to the edges of the window as Prometheus does it, because decisions are made on such numbers. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from modelmatrix.simulation.engine.samples import EngineSample

Read = Callable[[EngineSample], float]

# A first sample that is further from the edge than so many intervals was the first of its series.
_NEARLY_ONE = 1.1


@dataclass(frozen=True, slots=True)
class Window:
    """The samples of a target in the ``seconds`` before and at ``end_second``, oldest first."""

    samples: Sequence[EngineSample]
    end_second: float
    seconds: float

    def increase(self, read: Read) -> float:
        """Growth of a counter; a fall is a restart from zero."""
        if len(self.samples) < 2:  # noqa: PLR2004 - growth is between two samples
            return 0.0
        values = [read(sample) for sample in self.samples]
        grown = values[-1] - values[0]
        grown += sum(before for before, after in pairwise(values) if after < before)
        if grown <= 0:
            return 0.0
        # A counter cannot have been below zero before it was first seen.
        return grown * self._stretch(self._span * values[0] / grown)

    def delta(self, read: Read) -> float:
        """Change of a gauge."""
        if len(self.samples) < 2:  # noqa: PLR2004
            return 0.0
        return (read(self.samples[-1]) - read(self.samples[0])) * self._stretch(self.seconds)

    def mean(self, read: Read) -> float:
        """Mean of a gauge over its samples; there must be some."""
        return sum(read(sample) for sample in self.samples) / len(self.samples)

    @property
    def _span(self) -> float:
        return self.samples[-1].second - self.samples[0].second

    def _stretch(self, longest_before: float) -> float:
        """By what a difference is multiplied to stand for the whole window."""
        span = self._span
        interval = span / (len(self.samples) - 1)
        before = self.samples[0].second - (self.end_second - self.seconds)
        after = self.end_second - self.samples[-1].second
        before, after = (gap if gap < _NEARLY_ONE * interval else interval / 2.0 for gap in (before, after))
        return (span + min(before, longest_before) + after) / span


def window(samples: Sequence[EngineSample], end_second: float, seconds: float) -> Window:
    """The window of a target's samples that ends at a second; it may be empty."""
    first = len(samples)
    while first and samples[first - 1].second > end_second - seconds:
        first -= 1
    return Window(samples[first:], end_second, seconds)
