"""What a load asks for: the most of now, of the horizon, of a burst."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelmatrix.performance.engine_timing import EngineTiming
from modelmatrix.scaling.decide.context import PolicyContext, build_context
from modelmatrix.scaling.decide.load import proposal_for_load
from modelmatrix.scaling.decide.proposal_type import ReplicaProposal
from modelmatrix.scaling.estimate.request_work import RequestWork
from modelmatrix.scaling.observation.observation import Traffic
from modelmatrix.scaling.state.state import PolicyState
from observations import CAPACITY, observation, traffic, variant


def situation(**fields: Any) -> PolicyContext:
    now = build_context(observation(**{"variants": (variant(8),)} | fields), PolicyState())
    assert now is not None
    return now


def asked(seen: Traffic, *, work: RequestWork | None = None, **fields: Any) -> ReplicaProposal:
    now = situation(traffic=seen, **fields)
    demand = replace(now.memory.demand, work=work or now.memory.demand.work)
    return proposal_for_load(replace(now, memory=replace(now.memory, demand=demand)), seen)


def test_the_figures_are_those_that_were_used() -> None:
    said = asked(traffic(40.0, waiting=2.0))
    assert said.figures == {
        "arrivalsPerSecond": 40.0,
        "forecastPerSecond": pytest.approx(40.0),
        "horizonSeconds": 210.0,
        "capacityPerSecond": pytest.approx(CAPACITY),
        "margin": said.figures["margin"],
        "waiting": 2.0,
    }
    assert said.replicas == pytest.approx(40.0 * (1 + said.figures["margin"]) / CAPACITY)
    margin = 100 * said.figures["margin"]
    assert (
        said.words == f"40 requests/s forecast in 210 s, a replica serves {CAPACITY:.3g} within the SLO, margin {margin:.0f} %"
    )


def test_what_falls_is_served_until_it_has_fallen() -> None:
    """The forecast is lower; what arrives now must be served now."""
    said = asked(traffic(40.0, arrivals_per_second_long=10.0))
    assert "40 requests/s now" in said.words
    assert said.replicas > 40.0 / CAPACITY


def test_requests_that_become_more_work_need_more() -> None:
    assert asked(traffic(40.0), work=RequestWork(growth_per_second=0.0005)).replicas > 1.05 * asked(traffic(40.0)).replicas


def test_a_burst_asks_for_more_than_the_minute() -> None:
    said = asked(traffic(40.0, arrivals_per_second_fast=300.0))
    assert said.words.startswith("a burst of 300 requests/s, 0 wait")
    assert said.replicas > 300.0 / CAPACITY


def test_without_the_last_scrapes_the_minute_counts() -> None:
    said = asked(traffic(200.0, arrivals_per_second_fast=None))
    assert said.replicas > 200.0 / CAPACITY


@pytest.mark.parametrize(("measured", "expected"), [(None, 40.0), (8, 40.0), (4, 80.0), (9, 40.0), (0, 40.0)])
def test_replicas_that_are_not_measured_yet_serve_their_share(measured: int | None, expected: float) -> None:
    assert asked(traffic(40.0, measured=measured)).figures["arrivalsPerSecond"] == pytest.approx(expected)


def test_it_is_told_when_the_slo_cannot_be_kept() -> None:
    hopeless = (variant(8, timing=EngineTiming(0.06, 41e-6, 36e-9)),)
    assert "and misses the SLO even without load" in asked(traffic(40.0), variants=hopeless).words
