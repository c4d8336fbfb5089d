"""Growth, change and means over windows, extrapolated as Prometheus does it (``extrapolatedRate`` of its promql package)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.simulation.metrics.range_functions import CounterReset, Window, delta, increase, mean, window

Points = tuple[list[float], list[float]]


def points(value: Callable[[float], float], *, first: float = 0.0, last: float = 600.0, step: float = 15.0) -> Points:
    """Seconds of scrapes, and a value at each of them."""
    seconds = [first + step * index for index in range(int((last - first) / step) + 1)]
    return seconds, [value(second) for second in seconds]


def grown(series: Points, end: float, seconds: float) -> float:
    growth = increase(series[1], (), window(series[0], end, seconds))
    assert growth is not None
    return growth


def changed(series: Points, end: float, seconds: float) -> float:
    change = delta(series[1], window(series[0], end, seconds))
    assert change is not None
    return change


def test_a_window_holds_what_is_younger_than_its_length() -> None:
    seconds, _ = points(lambda second: second)
    within = window(seconds, 600.0, 60.0)
    assert seconds[within.first :] == [555.0, 570.0, 585.0, 600.0]


def test_growth_is_extrapolated_to_the_whole_window() -> None:
    series = points(lambda second: 1000.0 + 2.0 * second)
    assert grown(series, 600.0, 60.0) == pytest.approx(120.0)
    assert changed(series, 600.0, 60.0) == pytest.approx(120.0)


def test_a_series_that_is_young_is_extrapolated_by_half_an_interval() -> None:
    """From 555 s on, at three per second, in a window of three minutes: 7.5 s before the first sample."""
    series = points(lambda second: 3.0 * (second - 400.0), first=555.0)
    assert grown(series, 600.0, 180.0) == pytest.approx(3.0 * (45.0 + 7.5))


def test_a_counter_was_never_below_zero() -> None:
    """A first sample of 3, growing by 3 a second, can have begun one second before at the most."""
    series = points(lambda second: 3.0 * (second - 554.0), first=555.0)
    assert grown(series, 600.0, 60.0) == pytest.approx(3.0 * 46.0)
    assert changed(series, 600.0, 60.0) == pytest.approx(3.0 * 60.0)


def test_a_fall_is_a_restart() -> None:
    seconds, values = [0.0, 15.0, 30.0, 45.0], [100.0, 130.0, 10.0, 40.0]
    resets = [CounterReset(2, 130.0)]
    assert increase(values, resets, window(seconds, 45.0, 60.0)) == pytest.approx((30.0 + 10.0 + 30.0) * 60.0 / 45.0)


def test_a_fall_before_the_window_does_not_count() -> None:
    seconds, values = [0.0, 15.0, 30.0, 45.0], [130.0, 10.0, 40.0, 70.0]
    resets = [CounterReset(1, 130.0)]
    assert increase(values, resets, window(seconds, 45.0, 31.0)) == increase(values, (), window(seconds, 45.0, 31.0))


@pytest.mark.parametrize("seconds", [[], [600.0]])
def test_a_single_sample_has_no_growth(seconds: list[float]) -> None:
    """Prometheus has no element then, which is not zero."""
    within = window(seconds, 600.0, 60.0)
    values = [7.0 for _ in seconds]
    assert (increase(values, (), within), delta(values, within)) == (None, None)
    assert mean(values, within) == (7.0 if seconds else None)


def test_what_stands_still_does_not_grow() -> None:
    assert grown(points(lambda _: 5.0), 600.0, 60.0) == 0.0


def test_a_mean_is_over_samples() -> None:
    seconds, values = points(lambda second: second)
    assert mean(values, window(seconds, 600.0, 60.0)) == pytest.approx(577.5)


def test_samples_that_are_all_too_old_are_an_empty_window() -> None:
    assert window([0.0, 15.0], 600.0, 60.0) == Window(2, 0, 0.0, 0.0, 0.0)


@given(st.lists(st.floats(0.0, 1e6), min_size=2, max_size=12), st.floats(0.0, 14.0))
def test_growth_is_never_negative_nor_more_than_three_times_what_was_seen(growth: list[float], age: float) -> None:
    total, seconds, values = 0.0, [], []
    for index, value in enumerate(growth):
        total += value
        seconds.append(15.0 * index)
        values.append(total)
    seen = values[-1] - values[0]
    assert 0.0 <= grown((seconds, values), seconds[-1] + age, 180.0) <= 3.2 * seen + 1e-6
