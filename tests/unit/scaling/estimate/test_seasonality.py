"""Rates of other days at the same time."""

from __future__ import annotations

import pytest

from modelmatrix.scaling.estimate.seasonality import BIN_SECONDS, DAY_SECONDS, DAYS, Season, season_from_history
from modelmatrix.scaling.observation.observation import History


def seen(*rates: float, start: float = 0.0) -> Season:
    """A season of looks every minute, one rate a bin."""
    season = Season()
    for index, rate in enumerate(rates):
        for minute in range(5):
            season = season.with_rate(start + index * BIN_SECONDS + 60.0 * minute, rate)
    return season


def middle(index: int) -> float:
    return (index + 0.5) * BIN_SECONDS


def test_a_bin_is_known_when_it_is_over() -> None:
    season = seen(10.0, 20.0, 40.0)
    assert season.rate(middle(0)) == 10.0
    assert season.rate((middle(0) + middle(1)) / 2) == pytest.approx(15.0)
    assert season.rate(middle(1)) is None  # its neighbour is not over


def test_a_bin_has_the_mean_of_its_looks() -> None:
    season = Season()
    for second, rate in ((0.0, 10.0), (100.0, 20.0), (200.0, 60.0), (301.0, 0.0), (601.0, 0.0)):
        season = season.with_rate(second, rate)
    assert season.rate(middle(0)) == pytest.approx(30.0)


def test_growth_on_other_days() -> None:
    yesterday = seen(10.0, 20.0, 40.0, 40.0)
    today = yesterday.with_rate(DAY_SECONDS, 1.0).with_rate(DAY_SECONDS + BIN_SECONDS, 1.0)
    now = DAY_SECONDS + middle(0)
    assert today.growth(1, now, BIN_SECONDS) == pytest.approx(2.0)
    assert today.growth(1, now, 5 * BIN_SECONDS) is None
    assert today.growth(2, now, BIN_SECONDS) is None
    assert yesterday.has_other_days is False
    assert today.has_other_days is True


def test_nothing_grows_from_nothing() -> None:
    season = seen(0.0, 20.0, 20.0, 20.0)
    assert season.growth(0, middle(0), BIN_SECONDS) is None


def test_requests_that_came_at_a_time() -> None:
    season = seen(1.0, 0.0, 3.0, 0.0, 0.0)
    assert season.requests(0, 10.0, 100.0) == pytest.approx(1.0 * BIN_SECONDS)
    assert season.requests(0, 10.0, 590.0) == pytest.approx(4.0 * BIN_SECONDS)
    assert season.requests(1, DAY_SECONDS + 310.0, 250.0) == pytest.approx(3.0 * BIN_SECONDS)
    assert season.requests(0, 50 * BIN_SECONDS, 600.0) == 0.0


def test_days_without_looks_are_unknown_and_old_ones_are_forgotten() -> None:
    season = seen(10.0, 10.0)
    later = season.with_rate(3 * DAY_SECONDS, 5.0).with_rate(3 * DAY_SECONDS + BIN_SECONDS, 5.0)
    assert later.rate(DAY_SECONDS + middle(0)) is None
    assert later.rate(middle(0)) == 10.0
    much_later = later.with_rate(20 * DAY_SECONDS, 5.0).with_rate(20 * DAY_SECONDS + BIN_SECONDS, 5.0)
    assert len(much_later.days) == DAYS
    assert much_later.rate(middle(0)) is None


def test_a_clock_that_is_set_back_changes_nothing() -> None:
    season = seen(10.0, 20.0, 30.0)
    assert season.with_rate(0.0, 99.0) is season


def test_a_season_does_not_change() -> None:
    before = seen(10.0, 20.0, 30.0)
    known = before.rate(middle(0))
    before.with_rate(10 * BIN_SECONDS, 99.0)
    assert before.rate(middle(0)) == known


def test_a_history_of_coarse_steps_fills_every_bin() -> None:
    """A value is over the step that ends at its time."""
    season = season_from_history(History(first_second=900.0, step_seconds=900.0, arrivals_per_second=(10.0, None, 30.0)))
    assert [season.rate(middle(index)) for index in range(8)] == [10.0, 10.0, None, None, None, None, 30.0, 30.0]


def test_a_long_history_is_cut() -> None:
    steps = int(12 * DAY_SECONDS / 3600)
    season = season_from_history(History(first_second=3600.0, step_seconds=3600.0, arrivals_per_second=(7.0,) * steps))
    assert len(season.days) == DAYS
    assert season.rate(11.5 * DAY_SECONDS) == 7.0
    assert season.rate(1.0 * DAY_SECONDS) is None
