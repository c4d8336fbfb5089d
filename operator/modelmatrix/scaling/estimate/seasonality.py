"""Seasonality: the arrival rates of the last eight days in bins of five minutes.

Demand repeats by the day and by the week, so the season keeps for each of the last eight days the mean rate of its 288 bins
(32-bit floats, 9 KiB a deployment). It answers two questions about this time on another day: by what factor the rate changed
within the forecast horizon (``growth``, a ratio of interpolated rates), and how many requests came (``requests``, before the
last replica is removed). A ratio, because the level of another day may differ while its shape repeats: the seasonal naive
forecast of Hyndman and Athanasopoulos, "Forecasting", section 5.2, applied to growth. Which day resembles today is not decided
here; the forecast weighs each by its errors. Immutable: a day's values are copied once in five minutes. Pure.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from math import ceil, floor, isnan, nan

from modelmatrix.scaling.observation.observation import History

DAY_SECONDS = 86400.0
BIN_SECONDS = 300.0
BINS = int(DAY_SECONDS / BIN_SECONDS)
WEEK = 7
DAYS = WEEK + 1  # includes the same weekday a week ago

_UNKNOWN = array("f", [nan]) * BINS


@dataclass(frozen=True, slots=True)
class Season:
    """Rates by day, the newest first, and the sum and number of samples of the current bin."""

    newest_day: int = 0
    days: tuple[array[float], ...] = ()
    bin: int | None = None
    total: float = 0.0
    samples: int = 0

    def with_rate(self, second: float, rate_per_second: float) -> Season:
        """The season after one more sample of the rate."""
        number = floor(second / BIN_SECONDS)
        if number == self.bin:
            return Season(self.newest_day, self.days, number, self.total + rate_per_second, self.samples + 1)
        if self.bin is not None and number < self.bin:
            return self  # the clock was set back
        closed = self if self.bin is None else self.with_bin(self.bin, self.total / self.samples)
        return Season(closed.newest_day, closed.days, number, rate_per_second, 1)

    def with_bin(self, number: int, rate_per_second: float) -> Season:
        """The season with the mean rate of one bin, which must not belong to an older day than the newest."""
        day, index = divmod(number, BINS)
        days = self._days_until(day)
        newest = array("f", days[0])
        newest[index] = rate_per_second
        return Season(day, (newest, *days[1:]), self.bin, self.total, self.samples)

    def _days_until(self, day: int) -> tuple[array[float], ...]:
        missing = min(DAYS, day - self.newest_day) if self.days else 1
        return (*(_UNKNOWN for _ in range(missing)), *self.days)[:DAYS]

    @property
    def has_other_days(self) -> bool:
        """Whether there is a day besides the newest."""
        return len(self.days) > 1

    def rate(self, second: float) -> float | None:
        """Requests per second at a time, interpolated between the middles of bins; ``None`` where unknown."""
        position = second / BIN_SECONDS - 0.5
        lower = floor(position)
        first, following = self._value(lower), self._value(lower + 1)
        value = first + (following - first) * (position - lower)
        return None if isnan(value) else value

    def _value(self, number: int) -> float:
        day, index = divmod(number, BINS)
        offset = self.newest_day - day
        return self.days[offset][index] if 0 <= offset < len(self.days) else nan

    def growth(self, days_ago: int, second: float, horizon_seconds: float) -> float | None:
        """The factor by which the rate changed within a horizon from this time on, ``days_ago`` days ago."""
        then = second - days_ago * DAY_SECONDS
        before, after = self.rate(then), self.rate(then + horizon_seconds)
        return None if before is None or after is None or before <= 0 else after / before

    def requests(self, days_ago: int, second: float, seconds: float) -> float:
        """Requests that arrived from this time on, ``days_ago`` days ago; unknown bins count as empty."""
        first = floor((second - days_ago * DAY_SECONDS) / BIN_SECONDS)
        values = (self._value(first + index) for index in range(ceil(seconds / BIN_SECONDS) + 1))
        return BIN_SECONDS * sum(value for value in values if not isnan(value))


def season_from_history(history: History) -> Season:
    """The season of a recorded history: every bin has the rate of the step that its middle is in."""
    days: dict[int, array[float]] = {}
    first = floor((history.first_second - history.step_seconds) / BIN_SECONDS)
    last = floor((history.first_second + len(history.arrivals_per_second) * history.step_seconds) / BIN_SECONDS)
    for number in range(first, last + 1):
        rate = _rate_at(history, (number + 0.5) * BIN_SECONDS)
        if rate is not None:
            day, index = divmod(number, BINS)
            days.setdefault(day, array("f", _UNKNOWN))[index] = rate
    if not days:
        return Season()
    newest = max(days)
    recent = range(newest, max(min(days), newest - DAYS + 1) - 1, -1)
    return Season(newest, tuple(days.get(day, _UNKNOWN) for day in recent))


def _rate_at(history: History, second: float) -> float | None:
    """The rate of the step that a time lies in: the step that ends next."""
    index = ceil((second - history.first_second) / history.step_seconds)
    rates = history.arrivals_per_second
    return rates[index] if 0 <= index < len(rates) else None
