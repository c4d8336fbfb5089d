"""How sharp the edge is, learned from load and misses."""

# ruff: noqa: S311 - seeded draws, no secrets

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.scaling.estimate.miss_curve import MAX_FACTOR, MAX_LOAD, MIN_LOAD, MissCurve
from modelmatrix.scaling.estimate.statistics import upper_tail

DEVIATION = 0.1


@pytest.mark.parametrize("factor", [0.3, 1.0, 2.5])
def test_a_blur_that_is_not_as_expected_is_found(factor: float) -> None:
    random, tail = Random(5), MissCurve()
    for _ in range(400):
        load = 0.6 + 0.35 * random.random()
        missed = upper_tail((1.0 - load) / (DEVIATION * factor))
        tail = tail.updated(load, missed, 1000.0, DEVIATION)
    assert tail.factor == pytest.approx(factor, rel=0.15)


@pytest.mark.parametrize(
    ("load", "requests", "deviation"),
    [
        (MIN_LOAD - 0.01, 100.0, DEVIATION),
        (MAX_LOAD + 0.01, 100.0, DEVIATION),
        (0.8, 0.9, DEVIATION),
        (0.8, 100.0, 0.0),
    ],
)
def test_what_says_nothing_teaches_nothing(load: float, requests: float, deviation: float) -> None:
    tail = MissCurve()
    assert tail.updated(load, 0.5, requests, deviation) is tail


def test_few_requests_teach_little() -> None:
    few, many = (MissCurve().updated(0.8, 0.3, requests, DEVIATION).factor for requests in (20.0, 20_000.0))
    assert 1.0 < few < many


@given(st.lists(st.tuples(st.floats(0.0, 1.2), st.floats(0.0, 1.0), st.floats(0.0, 1e6)), max_size=50), st.floats(0.0, 1.0))
def test_the_factor_stays_believable(windows: list[tuple[float, float, float]], deviation: float) -> None:
    tail = MissCurve()
    for load, missed, requests in windows:
        tail = tail.updated(load, missed, requests, deviation)
        assert 1 / MAX_FACTOR - 1e-9 <= tail.factor <= MAX_FACTOR + 1e-9
        assert 0.0 < tail.variance < 1.0
