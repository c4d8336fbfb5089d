"""Misses from histograms that know one bound each."""

from __future__ import annotations

import pytest

from modelmatrix.scaling.observation.observation import BoundAttainment
from modelmatrix.scaling.observation.slo_attainment import attainment, misses
from observations import traffic

BOUNDLESS = {"ttft": None, "tpot": None, "e2e": None}


def share(percent: float, requests: float = 1000.0) -> BoundAttainment:
    return BoundAttainment(requests=requests, within=requests * percent / 100.0)


def test_misses_of_both_bounds_are_added() -> None:
    seen = traffic(ttft=share(98.0), tpot=share(97.0))
    found = misses(seen)
    assert found is not None
    assert (found.requests, found.missed) == (1000.0, pytest.approx(50.0))
    assert attainment(seen) == pytest.approx(95.0)


def test_no_more_than_all_requests_are_missed() -> None:
    assert attainment(traffic(ttft=share(30.0), tpot=share(20.0))) == 0.0


def test_bounds_that_see_other_numbers_of_requests_are_put_to_the_larger() -> None:
    """Time per output token is known when a request has finished, time to the first long before."""
    found = misses(traffic(ttft=share(90.0, 1000.0), tpot=share(90.0, 500.0)))
    assert found is not None
    assert (found.requests, found.missed) == (1000.0, pytest.approx(200.0))


def test_a_single_bound_is_enough() -> None:
    assert attainment(traffic(**BOUNDLESS | {"e2e": share(93.0)})) == pytest.approx(93.0)


def test_nothing_measured_is_not_everything_kept() -> None:
    assert misses(traffic(**BOUNDLESS)) is None
    assert attainment(traffic(**BOUNDLESS)) is None
    assert misses(traffic(**BOUNDLESS | {"ttft": share(0.0, 0.0)})) is None


def test_a_few_requests_are_no_percentage_yet_they_count() -> None:
    few = traffic(ttft=share(50.0, 19.0), tpot=None)
    assert attainment(few) is None
    assert misses(few) is not None
