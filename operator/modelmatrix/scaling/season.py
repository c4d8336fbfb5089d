"""The arrival rates of the last eight days in steps of five minutes: what happened at this time on other days. Pure.

Immutable: a day's values are copied when one is added, which happens once in five minutes.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from math import floor, isnan, nan

from modelmatrix.scaling.observation import History

DAY_SECONDS = 86400.0
BIN_SECONDS = 300.0
BINS = int(DAY_SECONDS / BIN_SECONDS)
DAYS = 8  # the same weekday a week ago is among them

_UNKNOWN = array("f", [nan]) * BINS


@dataclass(frozen=True, slots=True)
class Season:
    """Rates by day, the newest first, and what has been seen of the bin that is not over yet."""

    newest_day: int = 0
    days: tuple[array[float], ...] = ()
    bin: int | None = None
    total: float = 0.0
    samples: int = 0

    def with_rate(self, second: float, rate_per_second: float) -> Season:
        """The season after one more look at the rate."""
        number = floor(second / BIN_SECONDS)
        if number == self.bin:
            return Season(self.newest_day, self.days, number, self.total + rate_per_second, self.samples + 1)
        closed = self if self.bin is None else self.with_bin(self.bin, self.total / self.samples)
        return Season(closed.newest_day, closed.days, number, rate_per_second, 1)

    def with_bin(self, number: int, rate_per_second: float) -> Season:
        """The season with the mean rate of one bin, which must not be older than the newest day."""
        day, place = divmod(number, BINS)
        days = self._days_until(day)
        newest = array("f", days[0])
        newest[place] = rate_per_second
        return Season(day, (newest, *days[1:]), self.bin, self.total, self.samples)

    def _days_until(self, day: int) -> tuple[array[float], ...]:
        missing = min(DAYS, day - self.newest_day) if self.days else 1
        return (*(_UNKNOWN for _ in range(missing)), *self.days)[:DAYS]

    @property
    def has_other_days(self) -> bool:
        """Whether there is any day but the newest."""
        return len(self.days) > 1

    def rate(self, second: float) -> float | None:
        """The rate at a time, interpolated between the middles of bins; ``None`` where it is unknown."""
        position = second / BIN_SECONDS - 0.5
        lower = floor(position)
        first, following = self._value(lower), self._value(lower + 1)
        value = first + (following - first) * (position - lower)
        return None if isnan(value) else value

    def _value(self, number: int) -> float:
        day, place = divmod(number, BINS)
        offset = self.newest_day - day
        return self.days[offset][place] if 0 <= offset < len(self.days) else nan

    def growth(self, days_ago: int, second: float, horizon_seconds: float) -> float | None:
        """By what factor the rate changed within a horizon from this time on, so many days ago."""
        then = second - days_ago * DAY_SECONDS
        before, after = self.rate(then), self.rate(then + horizon_seconds)
        return None if before is None or after is None or before <= 0 else after / before


def season_of(history: History) -> Season:
    """The season that Prometheus's history shows; its steps are averaged into bins."""
    season = Season()
    for index, rate in enumerate(history.arrivals_per_second):
        if rate is not None:
            # A step's value is over the time before it, so it belongs to where that time's middle lies.
            middle = history.first_second + (index - 0.5) * history.step_seconds
            season = season.with_rate(middle, rate)
    return season
