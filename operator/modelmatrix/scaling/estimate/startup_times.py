"""How long a replica takes to start: the start times that were seen, with the prior as one of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, inf

KEPT = 16
# A start that takes longer than four in five is rare enough to be a surprise; an average would be late half of the time.
SHARE = 0.8
# Nothing loads weights in less: such a replica was found running, not seen starting.
SHORTEST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class StartupTimes:
    """Durations of the last starts on a pool, the newest last, and when the newest ended."""

    seconds: tuple[float, ...] = ()
    latest_second: float = -inf

    def with_seen(self, seen: Iterable[tuple[float, float]]) -> StartupTimes:
        """These and the starts that ended later: pairs of when a replica became ready and how long that took."""
        new = sorted(item for item in seen if item[0] > self.latest_second)
        if not new:
            return self
        durations = tuple(duration for _, duration in new if duration >= SHORTEST_SECONDS)
        return StartupTimes((*self.seconds, *durations)[-KEPT:], new[-1][0])

    def expected_seconds(self, prior_seconds: float) -> float:
        """The start time to reckon with: the 80th percentile, the prior counted as one start."""
        ordered = sorted((*self.seconds, prior_seconds))
        return ordered[ceil(SHARE * len(ordered)) - 1]

    def longest_seconds(self, prior_seconds: float) -> float:
        """The longest start among them, for who must not be late."""
        return max((*self.seconds, prior_seconds))
