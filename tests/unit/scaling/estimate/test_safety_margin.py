"""The integral of the error: it rests where the SLO is just kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.performance.engine_timing import SloBounds
from modelmatrix.scaling.estimate.safety_margin import (
    FIRST_PART,
    GAIN,
    MAX_ERROR,
    MAX_PART,
    MIN_PART,
    SafetyMargin,
    busy_hour_rate,
    target_share,
)
from modelmatrix.scaling.estimate.statistics import quantile
from observations import SLO

WINDOW = 120.0


def after(*shares: float, requests: float = 1200.0, may_rise: bool = True) -> SafetyMargin:
    """Windows with shares of missed requests."""
    found = SafetyMargin()
    for share in shares:
        found = found.updated(SLO, requests=requests, missed=share * requests, seconds=WINDOW, may_rise=may_rise)
    return found


@pytest.mark.parametrize(("percentile", "target"), [(99.0, 0.993), (95.0, 0.965), (99.9, 0.999), (100.0, 0.999), (50.0, 0.65)])
def test_a_little_more_is_aimed_at_than_asked_for(percentile: float, target: float) -> None:
    assert target_share(SloBounds(percentile=percentile)) == pytest.approx(target)


def test_at_the_target_it_rests() -> None:
    assert after(*[1.0 - target_share(SLO)] * 100).part == pytest.approx(FIRST_PART)


def test_what_is_missed_beyond_is_answered_in_proportion() -> None:
    assert after(0.107).part == pytest.approx(FIRST_PART + GAIN * 0.1)


def test_what_is_kept_lowers_it_slowly() -> None:
    assert after(0.0).part == pytest.approx(FIRST_PART - GAIN * 0.007)


def test_one_window_is_one_event() -> None:
    busy = SafetyMargin(busy_per_second=1.0)
    found = busy.updated(SLO, requests=12_000.0, missed=12_000.0, seconds=WINDOW, may_rise=True)
    assert found.part == pytest.approx(FIRST_PART + GAIN * MAX_ERROR)


def test_where_more_would_not_help_it_does_not_rise_but_falls() -> None:
    assert after(0.5, may_rise=False).part == FIRST_PART
    assert after(0.0, may_rise=False).part < FIRST_PART


def test_it_stays_within_limits() -> None:
    assert after(*[1.0] * 50).part == MAX_PART
    assert after(*[0.0] * 5000).part == MIN_PART


def test_silence_changes_nothing() -> None:
    found = SafetyMargin()
    assert found.updated(SLO, requests=0.0, missed=0.0, seconds=WINDOW, may_rise=True) is found


def test_quiet_hours_weigh_little() -> None:
    busy = SafetyMargin(busy_per_second=100.0)
    quiet = busy.updated(SLO, requests=12.0, missed=12.0, seconds=WINDOW, may_rise=True)
    assert quiet.part < FIRST_PART + 0.01


def test_margins_in_deviations() -> None:
    assert SafetyMargin(part=0.5).z(SLO) == pytest.approx(0.5 * quantile(0.993))
    assert SafetyMargin().highest_z(SLO) == pytest.approx(MAX_PART * quantile(0.993))


def test_no_slo_asks_for_less_than_nothing() -> None:
    assert SafetyMargin(part=1.0).z(SloBounds(percentile=1.0)) == 0.0


def test_a_busy_hour_is_remembered_for_a_day() -> None:
    assert busy_hour_rate(0.0, 10.0, WINDOW) == 10.0
    assert busy_hour_rate(10.0, 20.0, 3600.0) == 20.0
    assert busy_hour_rate(20.0, 10.0, 3600.0) == pytest.approx(20.0 - 10.0 / 24.0)


@given(st.lists(st.tuples(st.floats(0.0, 1e6), st.floats(0.0, 1.0), st.booleans()), max_size=30), st.floats(1.0, 100.0))
def test_whatever_is_measured_the_part_stays_a_part(windows: list[tuple[float, float, bool]], percentile: float) -> None:
    slo, found = SloBounds(percentile=percentile), SafetyMargin()
    for requests, share, may_rise in windows:
        found = found.updated(slo, requests=requests, missed=share * requests, seconds=WINDOW, may_rise=may_rise)
        assert MIN_PART <= found.part <= MAX_PART
        assert found.z(slo) >= 0.0
