"""Signals as Prometheus would answer."""

from __future__ import annotations

from math import isnan, nan

import pytest

from benchmark.environment.signals import Signals, in_flight, ready, signals
from fakes.fleets import histogram, sample, seen


def finished(one: object) -> float:
    return one.finished  # type: ignore[attr-defined, no-any-return]


def test_a_gauge_is_summed_over_pages() -> None:
    found = Signals(60.0, ((sample(60, running=3),), (sample(60, running=4, waiting=1),)))
    assert found.gauge(in_flight) == 8


def test_a_page_that_is_no_longer_scraped_has_no_value() -> None:
    found = Signals(100.0, ((sample(60, running=3),), (sample(100, running=4),)))
    assert found.gauge(in_flight) == 4
    assert Signals(100.0, ((sample(60, running=3),),)).gauge(in_flight) is None


def test_a_gauge_that_is_no_number_stays_none() -> None:
    value = Signals(60.0, ((sample(60, running=nan),),)).gauge(in_flight)
    assert value is not None
    assert isnan(value)


def test_the_mean_is_over_scrapes_not_pages() -> None:
    first = (sample(45, running=2), sample(60, running=4))
    second = (sample(60, running=6),)
    assert Signals(60.0, (first, second)).mean(in_flight, 60) == (2 + 10) / 2
    assert Signals(60.0, (first, second)).mean(in_flight, 10) == 10


def test_a_rate_survives_a_restart_from_zero() -> None:
    page = (sample(0, finished=100), sample(15, finished=130), sample(30, finished=10), sample(45, finished=40))
    assert Signals(45.0, (page,)).rate(finished, 60) == pytest.approx((30 + 10 + 30) / 45)
    assert Signals(45.0, (page[:1],)).rate(finished, 60) is None


def test_a_quantile_is_interpolated_in_its_bucket() -> None:
    page = (sample(0), sample(60, ttft=histogram(50, 90, 100, 100)))
    found = Signals(60.0, (page,))
    assert found.quantile(lambda one: one.ttft, 0.5, 60) == pytest.approx(0.5)
    assert found.quantile(lambda one: one.ttft, 0.7, 60) == pytest.approx(0.75)


def test_a_quantile_above_all_bounds_is_the_highest_bound() -> None:
    page = (sample(0), sample(60, ttft=histogram(0, 0, 1, 100)))
    assert Signals(60.0, (page,)).quantile(lambda one: one.ttft, 0.9, 60) == 2.0


def test_a_quantile_of_nothing_is_none() -> None:
    page = (sample(0, ttft=histogram(5, 5, 5, 5)), sample(60, ttft=histogram(5, 5, 5, 5)))
    assert Signals(60.0, (page,)).quantile(lambda one: one.ttft, 0.9, 60) is None


def test_one_variant_is_told_from_another_by_page_or_by_replica() -> None:
    pages = {"a": (sample(60, running=1),), "b": (sample(60, running=2),)}
    assert signals(seen(60, pages, {"a": 1, "b": 1}), "b").gauge(in_flight) == 2
    replicas = {"a-0": (sample(60, running=1),), "b-0": (sample(60, running=2),)}
    assert signals(seen(60, replicas, {"a": 1, "b": 1}), "b").gauge(in_flight) == 2


def test_the_sum_of_replicas_is_what_the_page_of_the_fleet_says() -> None:
    one = tuple(sample(second, running=2, finished=second) for second in range(0, 75, 15))
    both = tuple(sample(second, running=4, finished=2 * second) for second in range(0, 75, 15))
    single, fleet = Signals(60.0, (one, one)), Signals(60.0, (both,))
    assert single.mean(in_flight, 60) == fleet.mean(in_flight, 60)
    assert single.rate(finished, 60) == fleet.rate(finished, 60)


def test_only_what_serves_is_ready() -> None:
    observation = seen(0, {}, {"a": 3, "b": 2}, ready={"a": 1, "b": 2})
    assert (ready(observation), ready(observation, "a")) == (3, 1)
