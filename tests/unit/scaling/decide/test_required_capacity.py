"""The capacity that keeps the SLO, by hand and by its own definition."""

from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.scaling.decide.required_capacity import LARGEST_BLUR, required_capacity


def test_without_uncertainty_the_rate_is_enough() -> None:
    assert required_capacity(10.0, 0.0, 0.0, 2.0) == 10.0
    assert required_capacity(10.0, 0.3, 0.3, 0.0) == 10.0
    assert required_capacity(0.0, 0.3, 0.3, 2.0) == 0.0


def test_an_uncertain_rate_by_hand() -> None:
    assert required_capacity(10.0, 0.1, 0.0, 2.0) == pytest.approx(10.0 * 1.2)


def test_a_blurred_edge_by_hand() -> None:
    assert required_capacity(10.0, 0.0, 0.1, 2.0) == pytest.approx(10.0 / (1.0 - 0.2))


@given(st.floats(0.1, 1e6), st.floats(0.0, 1.0), st.floats(0.0, 0.3), st.floats(0.0, 2.5))
def test_load_and_edge_are_as_far_apart_as_asked_for(rate: float, deviation: float, edge: float, z: float) -> None:
    capacity = required_capacity(rate, deviation, edge, z)
    assert capacity - rate == pytest.approx(z * sqrt((edge * capacity) ** 2 + (deviation * rate) ** 2), abs=1e-6 * rate)


@given(st.floats(0.0, 10.0), st.floats(0.0, 100.0))
def test_no_blur_is_too_large_for_an_answer(edge: float, z: float) -> None:
    assert 10.0 <= required_capacity(10.0, 0.5, edge, z) <= 10.0 * (1 + sqrt(1 + (0.5 * z) ** 2)) / (1 - LARGEST_BLUR**2)
