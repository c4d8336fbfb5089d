"""Dynamo's planner: its filter, its lines, its floor and its steps."""

from __future__ import annotations

import pytest

from benchmark.peers.dynamo import Dynamo, Kalman, Latency, line
from fakes.fleets import TIMING, histogram, sample, seen, site


def test_the_filter_follows_a_ramp() -> None:
    predictor = Kalman()
    predicted = [predictor.predict_after(10.0 * step) for step in range(60)]
    assert predicted[0] == 0.0
    assert predicted[-1] == pytest.approx(600.0, rel=0.02)


def test_the_filter_predicts_no_negative_rate() -> None:
    predictor = Kalman()
    assert all(predictor.predict_after(max(0.0, 50.0 - 10.0 * step)) >= 0 for step in range(20))


def test_a_line_needs_three_points_and_a_positive_slope() -> None:
    assert line([(0, 1), (1, 2), (2, 3)]) == pytest.approx((1, 1))
    assert line([(0, 1), (1, 2)]) is None
    assert line([(0, 3), (1, 2), (2, 1)]) is None
    assert line([(1, 1), (1, 2), (1, 3)]) is None
    assert line([]) is None


def test_a_latency_is_late_above_its_bound_and_spare_below_80_percent_of_it() -> None:
    latency = Latency(1.0)
    for load in (1.0, 2.0, 3.0):
        latency.learn(load, 0.2 * load)
    assert latency.is_late(5.1)
    assert not latency.is_late(4.9)
    assert latency.has_slack(3.9)
    assert not latency.has_slack(4.1)


def test_without_samples_it_is_neither_late_nor_spare() -> None:
    latency = Latency(1.0)
    assert not latency.is_late(100.0)
    assert not latency.has_slack(0.0)
    assert Latency(None).has_slack(100.0)


def arrivals(rate: float, until: int) -> tuple[object, ...]:
    return tuple(sample(at, ttft=histogram(*[rate * at] * 4)) for at in range(0, until + 1, 15))


def test_the_floor_is_the_predicted_rate_over_the_engines() -> None:
    known = site()
    rate = min(
        TIMING.tpot_capacity(known.slo.tpot_seconds, known.lengths),
        TIMING.memory_capacity(known.lengths, known.home.limits),
    )
    scaler = Dynamo(known)
    decided = scaler.decide(seen(180, {"a": arrivals(3.5 * rate, 180)}, {"a": 1}, ready={"a": 0}))  # type: ignore[dict-item]
    assert decided == {"a": 4}


def test_it_holds_without_metrics() -> None:
    assert Dynamo(site()).decide(seen(180, {}, {"a": 3})) == {"a": 3}


def test_one_more_when_the_line_crosses_the_bound() -> None:
    scaler = Dynamo(site())
    observed = 0.0
    decided = {"a": 2}
    for step in range(1, 7):
        second, running = 15.0 * step, 20.0 * step
        observed += 100.0
        # Inter-token latency of 3 ms for each request that a worker runs: 0.1 s at 33.
        pages = (
            sample(second - 15, ttft=histogram(*[observed - 100] * 4), tpot=histogram(*[0.0] * 4)),
            sample(
                second, running=running, ttft=histogram(*[observed] * 4), tpot=histogram(*[100.0] * 4, total=0.3 * running / 2)
            ),
        )
        decided = scaler.decide(seen(second, {"a": pages}, {"a": 2}))
    assert decided == {"a": 3}
