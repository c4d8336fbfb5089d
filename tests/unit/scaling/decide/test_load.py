"""Replicas for a load: the most of now, of the horizon, of a burst."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelmatrix.performance.engine_timing import EngineTiming, SloBounds
from modelmatrix.scaling.decide.context import PolicyContext, build_context
from modelmatrix.scaling.decide.load import HEAD_ROOM, LoadNeed, burst_capacity, load_need
from modelmatrix.scaling.estimate.request_work import RequestWork
from modelmatrix.scaling.observation.observation import Traffic
from modelmatrix.scaling.state.state import PolicyState
from observations import CAPACITY, SLO, observation, traffic, variant


def situation(**fields: Any) -> PolicyContext:
    now = build_context(observation(**{"variants": (variant(8),)} | fields), PolicyState())
    assert now is not None
    return now


def asked(seen: Traffic, *, work: RequestWork | None = None, **fields: Any) -> LoadNeed:
    now = situation(traffic=seen, **fields)
    demand = replace(now.state.demand, work=work or now.state.demand.work)
    return load_need(replace(now, state=replace(now.state, demand=demand)), seen)


def test_the_figures_are_those_that_were_used() -> None:
    said = asked(traffic(40.0, waiting=2.0))
    assert said.values == {
        "arrivalsPerSecond": 40.0,
        "forecastPerSecond": pytest.approx(40.0),
        "horizonSeconds": 210.0,
        "capacityPerSecond": pytest.approx(CAPACITY),
        "margin": said.values["margin"],
        "waiting": 2.0,
    }
    assert said.replicas == pytest.approx(40.0 * (1 + said.values["margin"]) / CAPACITY)
    margin = 100 * said.values["margin"]
    assert (
        said.message
        == f"40 requests/s forecast in 210 s, a replica serves {CAPACITY:.3g} within the SLO, margin {margin:.0f} %"
    )


def test_what_falls_is_served_until_it_has_fallen() -> None:
    """The forecast is lower; what arrives now must be served now."""
    said = asked(traffic(40.0, arrivals_per_second_long=10.0))
    assert "40 requests/s now" in said.message
    assert said.replicas > 40.0 / CAPACITY


def test_requests_that_become_more_work_need_more() -> None:
    assert asked(traffic(40.0), work=RequestWork(growth_per_second=0.0005)).replicas > 1.05 * asked(traffic(40.0)).replicas


def test_a_burst_asks_for_more_than_the_minute() -> None:
    said = asked(traffic(40.0, arrivals_per_second_fast=300.0))
    assert said.message.startswith("burst of 300 requests/s with 0 in the queue")
    assert said.replicas > 300.0 / CAPACITY


def test_without_the_last_scrapes_the_minute_counts() -> None:
    said = asked(traffic(200.0, arrivals_per_second_fast=None))
    assert said.replicas > 200.0 / CAPACITY


@pytest.mark.parametrize(("measured", "expected"), [(None, 40.0), (8, 40.0), (4, 80.0), (9, 40.0), (0, 40.0)])
def test_replicas_that_are_not_measured_yet_serve_their_share(measured: int | None, expected: float) -> None:
    assert asked(traffic(40.0, measured=measured)).values["arrivalsPerSecond"] == pytest.approx(expected)


def test_it_is_told_when_the_slo_cannot_be_kept() -> None:
    hopeless = (variant(8, timing=EngineTiming(0.06, 41e-6, 36e-9)),)
    assert "and misses the SLO even without load" in asked(traffic(40.0), variants=hopeless).message


def burst(**fields: Any) -> float:
    defaults: dict[str, Any] = {
        "fast": 40.0,
        "before": 40.0,
        "waiting": 0.0,
        "served_per_second": 50.0,
        "start_seconds": 180.0,
        "slo": SLO,
    }
    return burst_capacity(**defaults | fields)


def test_a_load_that_is_served_is_no_burst() -> None:
    assert burst() == 0.0
    assert burst(fast=50.0) == 0.0
    # 0.4 of two seconds, at what is served: those requests are served in time.
    assert burst(waiting=40.0) == 0.0


def test_more_than_is_served_is_a_burst() -> None:
    assert burst(fast=60.0, before=60.0) == pytest.approx(HEAD_ROOM * 60.0)


def test_half_of_a_growth_goes_on() -> None:
    assert burst(fast=60.0, before=40.0) == pytest.approx(HEAD_ROOM * 70.0)
    assert burst(fast=60.0, before=90.0) == pytest.approx(HEAD_ROOM * 60.0)


def test_a_queue_that_is_too_long_is_a_burst_and_is_served_within_a_start() -> None:
    assert burst(waiting=360.0) == pytest.approx(HEAD_ROOM * 40.0 + 2.0)
    assert burst(waiting=360.0, start_seconds=10.0) == pytest.approx(HEAD_ROOM * 40.0 + 6.0)


@pytest.mark.parametrize(
    ("slo", "waiting"), [(SloBounds(e2e_seconds=10.0), 200.0), (SloBounds(tpot_seconds=0.1), 100.0), (SLO, 40.0)]
)
def test_how_long_a_request_may_wait_follows_from_the_slo(slo: SloBounds, waiting: float) -> None:
    assert burst(slo=slo, waiting=waiting) == 0.0
    assert burst(slo=slo, waiting=waiting + 1.0) > 0.0


def test_without_replicas_every_request_is_a_burst() -> None:
    assert burst(served_per_second=0.0) > 0.0
