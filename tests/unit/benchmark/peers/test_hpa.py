"""The HorizontalPodAutoscaler's formulas."""

from __future__ import annotations

from math import nan

import pytest

from benchmark.peers.hpa import Behavior, Horizontal, Hpa, desired_replicas
from fakes.fleets import sample, seen, site


@pytest.mark.parametrize(
    ("total", "replicas", "expected"),
    [(100, 5, 10), (45, 4, 5), (43, 4, 4), (37, 4, 4), (29, 4, 3), (0, 4, 0), (9, 0, 1)],
)
def test_the_ratio_rounded_up_outside_of_the_tolerance(total: float, replicas: int, expected: int) -> None:
    assert desired_replicas(total, 10.0, replicas) == expected


def test_a_rise_is_at_most_the_larger_of_double_and_four_in_15_seconds() -> None:
    controller = Horizontal()
    assert controller.replicas(0, 2, 50) == 6
    assert controller.replicas(10, 6, 50) == 6
    assert controller.replicas(15, 6, 50) == 12


def test_a_fall_waits_for_the_highest_recommendation_of_five_minutes() -> None:
    controller = Horizontal()
    assert controller.replicas(0, 10, 10) == 10
    assert controller.replicas(15, 10, 4) == 10
    assert controller.replicas(285, 10, 6) == 10
    assert controller.replicas(300, 10, 3) == 6


def test_a_controller_that_has_just_started_takes_nothing_away() -> None:
    controller = Horizontal()
    assert controller.replicas(0, 10, 2) == 10
    assert controller.replicas(285, 10, 2) == 10
    assert controller.replicas(300, 10, 2) == 2


def test_a_rise_waits_for_the_lowest_recommendation_of_its_window() -> None:
    controller = Horizontal(Behavior(up_window_seconds=30))
    assert controller.replicas(0, 4, 4) == 4
    assert controller.replicas(15, 4, 7) == 4
    assert controller.replicas(30, 4, 8) == 7


def test_pods_can_be_taken_one_by_one() -> None:
    rules = Behavior(down_window_seconds=0, down_percent=0, down_pods=1, down_period_seconds=120)
    controller = Horizontal(rules)
    assert controller.replicas(0, 10, 2) == 9
    assert controller.replicas(60, 9, 2) == 9
    assert controller.replicas(120, 9, 2) == 8


def test_it_scales_on_requests_in_flight() -> None:
    scaler = Hpa(site(), 10.0)
    assert scaler.decide(seen(0, {"a": (sample(0, running=38, waiting=20),)}, {"a": 3})) == {"a": 6}


@pytest.mark.parametrize("page", [(), (sample(0, running=nan),)])
def test_it_holds_without_a_metric(page: tuple[object, ...]) -> None:
    pages = {"a": page} if page else {}
    assert Hpa(site(), 10.0).decide(seen(0, pages, {"a": 3})) == {}  # type: ignore[arg-type]


def test_it_stays_within_bounds() -> None:
    scaler = Hpa(site(least=2, most=4), 10.0)
    assert scaler.decide(seen(0, {"a": (sample(0, running=90),)}, {"a": 3})) == {"a": 4}
