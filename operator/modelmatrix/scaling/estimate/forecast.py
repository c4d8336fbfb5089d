"""The arrival rate when a replica that is started now will serve, and how wrong such forecasts have been.

Ten simple forecasters run side by side, once a minute: the rate of the last minute, of the last three minutes, a line through
the last ten, and the last three minutes times the growth at this time on each of the seven other days. Each keeps the mean
squared relative error ``e`` of its forecasts over two hours. The forecast is their mean, weighted by ``1 / (e + 0.02^2)``:
Bates and Granger, "The combination of forecasts", 1969. A day like the one a week ago is recognized in its morning, because
that forecaster is right; no calendar is needed.

The deviation of the forecast is the root of two variances: that of the combined forecasts over twelve hours, counting only
demand above the forecast (demand that falls early costs no request) and less the noise of a minute's count, plus the weighted
spread of the forecasters now. The safety margin multiplies that deviation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from modelmatrix.scaling.estimate.seasonality import DAYS, Season
from modelmatrix.scaling.estimate.statistics import slope

STEP_SECONDS = 60.0
# Skill is recent: a change of regime (the start of a working day) must be noticed within the hour.
SKILL_SECONDS = 7200.0
# The general error of forecasts is slow: a day has one morning.
ERROR_SECONDS = 43200.0
# Before any sample: a little more than the growth within three minutes on published traces, below 1.4 in 99 of 100.
PRIOR_ERROR = 0.2
PRIOR_STEPS = 30.0  # half an hour of samples weighs as much as the prior
# Even a forecaster that was never wrong does not get all of the weight.
MIN_ERROR = 0.02
TREND_STEPS = 10
# A forecast made this many horizons ago, before a gap in the samples, was not about now.
MAX_AGE_HORIZONS = 4.0
MAX_GROWTH = 3.0
MIN_RATE = 1e-9  # requests per second below this count as none
SEASONAL = 3  # index of the first forecaster that uses another day

Forecasts = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class ForecastSample:
    """The rate at a second, and the forecasts made then: one per forecaster (``None`` without data), and combined."""

    second: float
    rate: float
    forecasts: Forecasts
    combined: float


@dataclass(frozen=True, slots=True)
class ForecastResult:
    """Requests per second expected at the horizon, and the relative standard deviation upwards."""

    rate_per_second: float
    deviation: float


@dataclass(frozen=True, slots=True)
class ForecastEnsemble:
    """The forecasters' past: samples once a minute, errors, the slope of the last ten, growth on other days."""

    past: tuple[ForecastSample, ...] = ()
    errors: tuple[float, ...] = (PRIOR_ERROR**2,) * (SEASONAL + DAYS - 1)
    variance: float = PRIOR_ERROR**2
    steps: float = PRIOR_STEPS
    slope: float = 0.0
    growths: Forecasts = (None,) * (DAYS - 1)

    def updated(
        self, season: Season, second: float, *, minute: float, long: float, horizon_seconds: float, noise: float
    ) -> ForecastEnsemble:
        """The ensemble after a sample, or itself within a minute of the last one.

        Args:
            season: rates of other days.
            second: time of the sample.
            minute: requests per second over the last minute.
            long: requests per second over the last three minutes.
            horizon_seconds: how far ahead to forecast.
            noise: squared relative deviation of a minute's count, which no forecast can know.
        """
        if self.past and second < self.past[-1].second + STEP_SECONDS:
            return self
        evaluated = self._with_errors(second, minute, horizon_seconds, noise)
        growths = (
            tuple(season.growth(day, second, horizon_seconds) for day in range(1, DAYS))
            if season.has_other_days
            else self.growths
        )
        ensemble = replace(evaluated, growths=growths, slope=_slope(self.past[1 - TREND_STEPS :], second, minute))
        forecasts = ensemble.forecasts(minute, long, horizon_seconds)
        sample = ForecastSample(second, minute, forecasts, ensemble.combine(forecasts)[0])
        length = int(horizon_seconds / STEP_SECONDS) + TREND_STEPS
        return replace(ensemble, past=(*self.past[-length:], sample))

    def predict(self, *, minute: float, long: float, horizon_seconds: float) -> ForecastResult:
        """The rate at the horizon; disagreement between the forecasters widens its deviation."""
        combined, spread = self.combine(self.forecasts(minute, long, horizon_seconds))
        return ForecastResult(combined, (self.variance + spread) ** 0.5)

    def _with_errors(self, second: float, rate: float, horizon_seconds: float, noise: float) -> ForecastEnsemble:
        """The ensemble with the errors of what it forecast, one horizon ago, for this second."""
        then = self.at(second - horizon_seconds)
        if then is None or then.combined <= 0 or second - then.second > MAX_AGE_HORIZONS * horizon_seconds:
            return self
        scale = max(then.combined, rate)
        share = STEP_SECONDS / SKILL_SECONDS
        errors = tuple(
            error if forecast is None else error + share * (((rate - forecast) / scale) ** 2 - error)
            for error, forecast in zip(self.errors, then.forecasts, strict=True)
        )
        miss = max(0.0, rate / then.combined - 1.0)
        # Upward errors only, doubled because half of the cases are left out: demand that falls early costs no request.
        excess = min(max(0.0, 2.0 * miss * miss - noise), 1.0)
        share = max(STEP_SECONDS / ERROR_SECONDS, 1.0 / (self.steps + 1.0))
        return replace(self, errors=errors, variance=self.variance + share * (excess - self.variance), steps=self.steps + 1.0)

    def at(self, second: float) -> ForecastSample | None:
        """The last sample at or before a second; ``None`` before the first."""
        return next((sample for sample in reversed(self.past) if sample.second <= second), None)

    def forecasts(self, minute: float, long: float, horizon_seconds: float) -> Forecasts:
        """The forecast of each forecaster in requests per second; ``None`` where it has no data."""
        # The mean of three minutes is that of a moment 90 seconds ago.
        trend = max(0.0, long + self.slope * (horizon_seconds + 90.0))
        days = (None if growth is None else long * min(max(growth, 1.0 / MAX_GROWTH), MAX_GROWTH) for growth in self.growths)
        return (minute, long, trend, *days)

    def combine(self, forecasts: Forecasts) -> tuple[float, float]:
        """The mean of the forecasts, weighted by recent skill, and their squared relative deviation from it."""
        weights = means = squares = 0.0
        for error, forecast in zip(self.errors, forecasts, strict=True):
            if forecast is not None:
                weight = 1.0 / (error + MIN_ERROR**2)
                weights += weight
                means += weight * forecast
                squares += weight * forecast * forecast
        mean = means / weights
        if mean < MIN_RATE:
            return 0.0, 0.0
        return mean, max(0.0, squares / weights / (mean * mean) - 1.0)


def _slope(past: tuple[ForecastSample, ...], second: float, rate: float) -> float:
    """Slope of the line through the last rates, in requests per second, per second."""
    if not past:
        return 0.0
    apart = (second - past[0].second) / len(past)
    return slope([*(sample.rate for sample in past), rate]) / apart
