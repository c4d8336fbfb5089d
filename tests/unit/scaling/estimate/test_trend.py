"""Lines through values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.scaling.estimate.trend import FEWEST, slope


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.integers(FEWEST, 20))
def test_the_slope_of_a_line_is_its_slope(start: float, step: float, count: int) -> None:
    assert slope([start + step * index for index in range(count)]) == pytest.approx(step, abs=1e-6)


def test_a_few_values_have_none() -> None:
    assert slope([1.0, 2.0, 3.0, 4.0]) == 0.0
    assert slope([]) == 0.0


def test_noise_evens_out() -> None:
    assert slope([1.0, -1.0] * 50) == pytest.approx(0.0, abs=0.02)
