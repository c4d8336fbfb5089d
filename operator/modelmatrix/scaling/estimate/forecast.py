"""The arrival rate when a replica that is started now will serve, and how wrong such forecasts have been.

Several simple forecasters run side by side: the last minute, the last three, a line through the last ten, and the growth
at this time on each of the other days. They are combined by the inverse of their recent mean squared errors (Bates and
Granger 1969), so that a day like the ones before is recognized by its morning, and no calendar is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from modelmatrix.scaling.estimate.seasonality import DAYS, Season
from modelmatrix.scaling.estimate.trend import slope

STEP_SECONDS = 60.0
# Who was right lately: a change of regime (the start of a working day) must be noticed within the hour.
SKILL_SECONDS = 7200.0
# How wrong forecasts are in general: a day has one morning.
ERROR_SECONDS = 43200.0
# Before anything was seen: a little more than the growth within three minutes on published traces, below 1.4 in 99 of 100.
PRIOR_ERROR = 0.2
PRIOR_STEPS = 30.0  # half an hour of experience weighs as much as the prior
# Even a forecaster that was never wrong does not get all of the weight.
LEAST_ERROR = 0.02
TREND_STEPS = 10
# What was said so many horizons ago, before a gap, was not about now.
OLDEST = 4.0
LARGEST_GROWTH = 3.0
NOTHING = 1e-9  # requests per second that are none
SEASONAL = 3  # index of the first forecaster that looks at another day

Forecasts = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class ForecastSample:
    """What was seen at a time, and what was forecast then."""

    second: float
    rate: float
    forecasts: Forecasts
    combined: float


@dataclass(frozen=True, slots=True)
class ForecastResult:
    """Requests per second to reckon with at a horizon, and the relative deviation of that number upwards."""

    rate_per_second: float
    deviation: float


@dataclass(frozen=True, slots=True)
class ForecastEnsemble:
    """What the forecasters need to know of the past: rates once a minute, their errors, growth on other days."""

    past: tuple[ForecastSample, ...] = ()
    errors: tuple[float, ...] = (PRIOR_ERROR**2,) * (SEASONAL + DAYS - 1)
    variance: float = PRIOR_ERROR**2
    steps: float = PRIOR_STEPS
    slope: float = 0.0
    growths: Forecasts = (None,) * (DAYS - 1)

    def learned(
        self, season: Season, second: float, *, minute: float, long: float, horizon_seconds: float, noise: float
    ) -> ForecastEnsemble:
        """The forecast a step later, or the same if no step has passed.

        Args:
            season: rates of other days.
            second: now.
            minute: requests per second over the last minute.
            long: requests per second over the last three minutes.
            horizon_seconds: how far ahead.
            noise: squared relative deviation of a minute's count that no forecast can know.
        """
        if self.past and second < self.past[-1].second + STEP_SECONDS:
            return self
        judged = self._judged(second, minute, horizon_seconds, noise)
        growths = (
            tuple(season.growth(day, second, horizon_seconds) for day in range(1, DAYS))
            if season.has_other_days
            else self.growths
        )
        moved = replace(judged, growths=growths, slope=_slope(self.past[1 - TREND_STEPS :], second, minute))
        forecasts = moved.forecasts(minute, long, horizon_seconds)
        now = ForecastSample(second, minute, forecasts, moved.together(forecasts)[0])
        kept = int(horizon_seconds / STEP_SECONDS) + TREND_STEPS
        return replace(moved, past=(*self.past[-kept:], now))

    def outlook(self, *, minute: float, long: float, horizon_seconds: float) -> ForecastResult:
        """The rate at the horizon; disagreement between forecasters counts as uncertainty."""
        combined, spread = self.together(self.forecasts(minute, long, horizon_seconds))
        return ForecastResult(combined, (self.variance + spread) ** 0.5)

    def _judged(self, second: float, rate: float, horizon_seconds: float, noise: float) -> ForecastEnsemble:
        """The errors after a look at what was forecast a horizon ago for now."""
        then = self.at(second - horizon_seconds)
        if then is None or then.combined <= 0 or second - then.second > OLDEST * horizon_seconds:
            return self
        scale = max(then.combined, rate)
        share = STEP_SECONDS / SKILL_SECONDS
        errors = tuple(
            old if said is None else old + share * (((rate - said) / scale) ** 2 - old)
            for old, said in zip(self.errors, then.forecasts, strict=True)
        )
        miss = max(0.0, rate / then.combined - 1.0)
        # Misses upwards only, twice, because half of the cases are left out: a fall that comes early costs no request.
        excess = min(max(0.0, 2.0 * miss * miss - noise), 1.0)
        share = max(STEP_SECONDS / ERROR_SECONDS, 1.0 / (self.steps + 1.0))
        return replace(self, errors=errors, variance=self.variance + share * (excess - self.variance), steps=self.steps + 1.0)

    def at(self, second: float) -> ForecastSample | None:
        """What was forecast at a time, or last before it."""
        return next((one for one in reversed(self.past) if one.second <= second), None)

    def forecasts(self, minute: float, long: float, horizon_seconds: float) -> Forecasts:
        """What each forecaster says; ``None`` where it knows nothing."""
        # The mean of three minutes is one and a half old.
        trend = max(0.0, long + self.slope * (horizon_seconds + 90.0))
        days = (None if g is None else long * min(max(g, 1.0 / LARGEST_GROWTH), LARGEST_GROWTH) for g in self.growths)
        return (minute, long, trend, *days)

    def together(self, forecasts: Forecasts) -> tuple[float, float]:
        """The mean of forecasts, by how good the forecasters have been, and their squared relative deviation from it."""
        weights = means = squares = 0.0
        for error, said in zip(self.errors, forecasts, strict=True):
            if said is not None:
                weight = 1.0 / (error + LEAST_ERROR**2)
                weights += weight
                means += weight * said
                squares += weight * said * said
        mean = means / weights
        if mean < NOTHING:
            return 0.0, 0.0
        return mean, max(0.0, squares / weights / (mean * mean) - 1.0)


def _slope(past: tuple[ForecastSample, ...], second: float, rate: float) -> float:
    """Slope of the line through the last rates, per second."""
    if not past:
        return 0.0
    apart = (second - past[0].second) / len(past)
    return slope([*(one.rate for one in past), rate]) / apart
