"""What misses teach, and when they teach nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelmatrix.scaling.decide.context import PolicyContext, build_context
from modelmatrix.scaling.decide.slo_feedback import apply_slo_feedback
from modelmatrix.scaling.estimate.forecast import ForecastEnsemble, ForecastSample
from modelmatrix.scaling.observation.observation import BoundAttainment
from modelmatrix.scaling.policy import SloPolicy
from modelmatrix.scaling.state.state import DemandEstimate, SafetyMarginState
from observations import CAPACITY, observation, traffic, unknown, variant

SECOND = 10_000.0
STEADY = SafetyMarginState(evaluated_at_second=0.0, evaluated_ready=4)


def share(percent: float, rate: float) -> BoundAttainment:
    return BoundAttainment(requests=120.0 * rate, within=1.2 * rate * percent)


def situation(
    load: float, percent: float, *, margin: SafetyMarginState = STEADY, forecast: ForecastEnsemble | None = None, **fields: Any
) -> PolicyContext:
    """Four replicas at a load, with a percentage of requests within the time per output token."""
    rate = 4 * CAPACITY * load
    defaults: dict[str, Any] = {
        "variants": (variant(4),),
        "traffic": traffic(rate, tpot=share(percent, rate), ttft=share(100.0, rate)),
    }
    now = build_context(observation(SECOND, **defaults | fields), SloPolicy().initial_state(0.0))
    assert now is not None
    demand = replace(now.state.demand, forecast=forecast) if forecast else now.state.demand
    return replace(now, state=replace(now.state, margin=margin, demand=demand))


def after(now: PolicyContext) -> SafetyMarginState:
    return apply_slo_feedback(now).state.margin


def test_misses_raise_the_margin_and_none_lower_it() -> None:
    assert (
        after(situation(0.8, 90.0)).safety_margin.part
        > STEADY.safety_margin.part
        > after(situation(0.8, 100.0)).safety_margin.part
    )


def test_misses_at_a_steady_load_blunt_the_edge() -> None:
    assert after(situation(0.8, 90.0)).miss_curve.factor > 1.0 > after(situation(0.9, 100.0)).miss_curve.factor


def test_a_window_counts_once() -> None:
    first = apply_slo_feedback(situation(0.8, 90.0))
    assert first.state.margin.evaluated_at_second == SECOND
    assert apply_slo_feedback(first) is first


@pytest.mark.parametrize(
    "fields",
    [
        {"max_replicas": 4},
        {"variants": (variant(4, room=0),)},
    ],
    ids=["at the bound", "no room"],
)
def test_misses_teach_nothing_where_no_replica_can_be_had(fields: dict[str, Any]) -> None:
    assert after(situation(0.8, 50.0, **fields)).safety_margin.part <= STEADY.safety_margin.part


def test_misses_far_below_the_capacity_have_another_cause() -> None:
    found = after(situation(0.4, 50.0))
    assert found.safety_margin.part <= STEADY.safety_margin.part
    assert found.miss_curve == STEADY.miss_curve


def flash(said: float) -> ForecastEnsemble:
    """What was forecast a while ago for now."""
    past = ForecastSample(second=SECOND - 400.0, rate=said, forecasts=(said, said, said, *(None,) * 7), combined=said)
    return ForecastEnsemble(past=(past,), variance=0.01)


def test_a_flash_that_no_margin_would_have_served_teaches_nothing() -> None:
    rate = 4 * CAPACITY * 0.9
    assert after(situation(0.9, 50.0, forecast=flash(rate / 4.0))).safety_margin.part <= STEADY.safety_margin.part
    assert after(situation(0.9, 50.0, forecast=flash(rate))).safety_margin.part > STEADY.safety_margin.part


def test_the_edge_is_not_judged_while_the_fleet_or_the_load_changes() -> None:
    moved = after(situation(0.8, 90.0, margin=replace(STEADY, evaluated_ready=3)))
    rate = 4 * CAPACITY * 0.8
    rising = traffic(rate, arrivals_per_second_long=0.7 * rate, tpot=share(90.0, rate))
    assert moved.miss_curve == STEADY.miss_curve
    assert after(situation(0.8, 90.0, traffic=rising)).miss_curve == STEADY.miss_curve
    assert moved.evaluated_ready == 4


def test_without_measured_requests_only_the_clock_moves() -> None:
    found = after(situation(0.8, 100.0, traffic=traffic(10.0, ttft=None, tpot=None)))
    assert (found.miss_curve, found.safety_margin, found.evaluated_at_second) == (
        STEADY.miss_curve,
        STEADY.safety_margin,
        SECOND,
    )


def test_what_is_unknown_is_not_judged() -> None:
    now = situation(0.8, 90.0, **unknown())
    assert apply_slo_feedback(now) is now


def test_without_ready_replicas_nothing_is_judged() -> None:
    found = after(situation(0.8, 90.0, variants=(variant(0, starting=4),)))
    assert found.safety_margin == STEADY.safety_margin


def test_demand_is_left_alone() -> None:
    now = situation(0.8, 90.0)
    assert apply_slo_feedback(now).state.demand is now.state.demand
    assert isinstance(now.state.demand, DemandEstimate)
