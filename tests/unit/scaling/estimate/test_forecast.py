"""Forecasters side by side: who was right lately counts most."""

from __future__ import annotations

from collections.abc import Callable
from math import sin, tau

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.scaling.estimate.forecast import (
    MAX_AGE_HORIZONS,
    MAX_GROWTH,
    PRIOR_ERROR,
    SEASONAL,
    ForecastEnsemble,
    ForecastResult,
)
from modelmatrix.scaling.estimate.seasonality import DAY_SECONDS, Season

HORIZON = 210.0


def follow(
    rate: Callable[[float], float],
    seconds: float,
    *,
    start: float = 0.0,
    forecast: ForecastEnsemble | None = None,
    season: Season | None = None,
) -> tuple[ForecastEnsemble, Season]:
    """Forecasts every minute of a load that is seen without noise."""
    forecast, season = forecast or ForecastEnsemble(), season or Season()
    second = start
    while second < start + seconds:
        season = season.with_rate(second, rate(second))
        forecast = forecast.updated(
            season, second, minute=rate(second - 30), long=rate(second - 90), horizon_seconds=HORIZON, noise=0.0
        )
        second += 60.0
    return forecast, season


def ahead(forecast: ForecastEnsemble, rate: Callable[[float], float], second: float) -> ForecastResult:
    return forecast.predict(minute=rate(second - 30), long=rate(second - 90), horizon_seconds=HORIZON)


def test_a_steady_load_stays_and_certainty_grows() -> None:
    forecast, _ = follow(lambda _: 20.0, 7200.0)
    outlook = forecast.predict(minute=20.0, long=20.0, horizon_seconds=HORIZON)
    assert outlook.rate_per_second == pytest.approx(20.0)
    assert outlook.deviation < PRIOR_ERROR / 2


def test_a_steady_ramp_is_followed_to_its_future() -> None:
    def ramp(second: float) -> float:
        return 20.0 + second / 60.0

    forecast, _ = follow(ramp, 7200.0)
    outlook = ahead(forecast, ramp, 7140.0)
    # What the ramp will be, and no less than what it is.
    assert ramp(7140.0) < outlook.rate_per_second <= ramp(7140.0 + HORIZON) * 1.01


def test_a_day_like_the_one_before_is_recognized_by_its_morning() -> None:
    def day(second: float) -> float:
        return 20.0 + 15.0 * sin(tau * second / DAY_SECONDS)

    forecast, season = follow(day, 3 * DAY_SECONDS)
    assert min(forecast.errors[SEASONAL : SEASONAL + 2]) < forecast.errors[0]
    second = 3 * DAY_SECONDS
    assert ahead(forecast, day, second).rate_per_second == pytest.approx(day(second + HORIZON), rel=0.05)
    assert season.has_other_days


def test_misses_upwards_make_uncertain() -> None:
    forecast, _ = follow(lambda _: 20.0, 7200.0)
    risen, _ = follow(lambda _: 60.0, 600.0, start=7200.0, forecast=forecast)
    assert risen.variance > 3 * forecast.variance


def test_a_fall_by_itself_is_no_miss() -> None:
    forecast, _ = follow(lambda _: 20.0, 7200.0)
    fallen, _ = follow(lambda _: 5.0, HORIZON, start=7200.0, forecast=forecast)
    assert fallen.variance < forecast.variance


def test_noise_that_nobody_can_know_is_no_error() -> None:
    loud = ForecastEnsemble()
    for minute in range(200):
        rate = 20.0 * (1.1 if minute % 2 else 0.9)
        loud = loud.updated(Season(), 60.0 * minute, minute=rate, long=20.0, horizon_seconds=HORIZON, noise=0.1)
    assert loud.variance < PRIOR_ERROR**2 / 4


def test_disagreement_is_uncertainty() -> None:
    forecast, _ = follow(lambda _: 20.0, 7200.0)
    calm = forecast.predict(minute=20.0, long=20.0, horizon_seconds=HORIZON)
    torn = forecast.predict(minute=40.0, long=20.0, horizon_seconds=HORIZON)
    assert torn.deviation > calm.deviation


def test_nothing_comes_from_nothing() -> None:
    forecast, _ = follow(lambda _: 0.0, 3600.0)
    outlook = forecast.predict(minute=0.0, long=0.0, horizon_seconds=HORIZON)
    assert (outlook.rate_per_second, outlook.deviation) == (0.0, PRIOR_ERROR)


def test_a_look_within_the_minute_changes_nothing() -> None:
    forecast, season = follow(lambda _: 20.0, 600.0)
    again = forecast.updated(season, 555.0, minute=99.0, long=99.0, horizon_seconds=HORIZON, noise=0.0)
    assert again is forecast


def test_what_was_said_before_a_gap_is_not_judged() -> None:
    forecast, season = follow(lambda _: 20.0, 3600.0)
    late = 3600.0 + MAX_AGE_HORIZONS * HORIZON + 60.0
    after = forecast.updated(season, late, minute=80.0, long=80.0, horizon_seconds=HORIZON, noise=0.0)
    assert (after.variance, after.errors) == (forecast.variance, forecast.errors)


def test_the_past_is_not_kept_for_ever() -> None:
    forecast, _ = follow(lambda _: 20.0, DAY_SECONDS)
    assert len(forecast.past) < 20


def test_growth_of_other_days_is_believed_within_limits() -> None:
    forecast = ForecastEnsemble(growths=(100.0, 0.0, *(None,) * 5))
    yesterday, before, *unknown = forecast.forecasts(10.0, 10.0, HORIZON)[SEASONAL:]
    assert (yesterday, before) == (10.0 * MAX_GROWTH, pytest.approx(10.0 / MAX_GROWTH))
    assert set(unknown) == {None}


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=60), st.floats(0.0, 1e6), st.floats(0.0, 1e6))
def test_outlooks_are_finite_and_not_negative(rates: list[float], minute: float, long: float) -> None:
    forecast = ForecastEnsemble()
    for index, rate in enumerate(rates):
        forecast = forecast.updated(Season(), 60.0 * index, minute=rate, long=rate, horizon_seconds=HORIZON, noise=0.0)
    outlook = forecast.predict(minute=minute, long=long, horizon_seconds=HORIZON)
    assert 0.0 <= outlook.rate_per_second < 1e9
    assert 0.0 <= outlook.deviation < 1e9
