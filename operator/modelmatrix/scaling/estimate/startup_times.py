"""How long a replica takes to start: an order statistic of the last starts, with the prior counted as one of them.

The forecast horizon uses the 80th percentile of the last sixteen starts: an average would be late every other time. Schedule
windows use the longest, because their replicas must not be late. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, inf

MAX_STARTS = 16
# A start that takes longer than four in five is rare enough to be a surprise.
SHARE = 0.8
# No engine loads weights faster: such a replica was found running, its start was not observed.
MIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class StartupTimes:
    """Durations of the last starts on a pool, the newest last, and the second at which the newest became ready."""

    seconds: tuple[float, ...] = ()
    latest_second: float = -inf

    def with_starts(self, starts: Iterable[tuple[float, float]]) -> StartupTimes:
        """These and the later ones of ``starts``: pairs of the second a replica became ready and its duration."""
        new = sorted(start for start in starts if start[0] > self.latest_second)
        if not new:
            return self
        durations = tuple(duration for _, duration in new if duration >= MIN_SECONDS)
        return StartupTimes((*self.seconds, *durations)[-MAX_STARTS:], new[-1][0])

    def expected_seconds(self, prior_seconds: float) -> float:
        """The 80th percentile of the starts and the prior."""
        ordered = sorted((*self.seconds, prior_seconds))
        return ordered[ceil(SHARE * len(ordered)) - 1]

    def longest_seconds(self, prior_seconds: float) -> float:
        """The longest of the starts and the prior."""
        return max((*self.seconds, prior_seconds))
