"""Filling a histogram in bulk equals filling it value by value."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.simulation.engine.histogram import Histogram


def test_a_value_belongs_to_the_first_bucket_that_holds_it() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 7.0):
        histogram.observe(value)
    assert histogram.cumulative() == (2, 4, 5)
    assert (histogram.count, histogram.total) == (5, 12.0)


@given(
    bounds=st.lists(st.integers(1, 500), min_size=1, max_size=8, unique=True),
    first=st.integers(0, 400),
    slope=st.integers(0, 60),
    steps=st.integers(1, 40),
    times=st.integers(1, 9),
)
def test_a_ramp_is_the_sum_of_its_values(bounds: list[int], first: int, slope: int, steps: int, times: int) -> None:
    # Multiples of 1/64 are exact in binary, so values that equal a bound are not left to rounding.
    at_once, one_by_one = (Histogram(bound / 64 for bound in sorted(bounds)) for _ in range(2))
    at_once.observe_ramp(first / 64, (first + slope * (steps - 1)) / 64, steps, times)
    for step in range(steps):
        one_by_one.observe((first + slope * step) / 64, times)
    assert at_once.counts == one_by_one.counts
    assert at_once.total == one_by_one.total


@given(first=st.floats(0.001, 1), slope=st.floats(0, 0.01), steps=st.integers(1, 300))
def test_a_ramp_loses_no_observation(first: float, slope: float, steps: int) -> None:
    histogram = Histogram((0.01, 0.1, 0.2, 0.5, 1.0, 2.0))
    histogram.observe_ramp(first, first + slope * (steps - 1), steps, 3)
    assert histogram.count == 3 * steps
    assert min(histogram.counts) >= 0
