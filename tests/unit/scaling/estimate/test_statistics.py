"""The normal distribution against its definition, and lines through values."""

from __future__ import annotations

from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.scaling.estimate.statistics import MIN_LINE_VALUES, density, quantile, slope, upper_tail


@given(st.floats(-6.0, 6.0))
def test_shares_and_densities(deviation: float) -> None:
    assert upper_tail(deviation) == pytest.approx(1.0 - NormalDist().cdf(deviation), abs=1e-12)
    assert density(deviation) == pytest.approx(NormalDist().pdf(deviation))


@given(st.floats(0.001, 0.999))
def test_quantiles_turn_shares_back(share: float) -> None:
    assert upper_tail(quantile(share)) == pytest.approx(1.0 - share)


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.integers(MIN_LINE_VALUES, 20))
def test_the_slope_of_a_line_is_its_slope(start: float, step: float, count: int) -> None:
    assert slope([start + step * index for index in range(count)]) == pytest.approx(step, abs=1e-6)


def test_a_few_values_have_none() -> None:
    assert slope([1.0, 2.0, 3.0, 4.0]) == 0.0
    assert slope([]) == 0.0


def test_noise_evens_out() -> None:
    assert slope([1.0, -1.0] * 50) == pytest.approx(0.0, abs=0.02)
