"""A restart: what Prometheus remembers is taken up, and nothing else."""

from __future__ import annotations

from math import sin, tau

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.scaling.estimate.forecast import PRIOR_ERROR, PRIOR_STEPS, SEASONAL
from modelmatrix.scaling.estimate.safety_margin import FIRST_PART
from modelmatrix.scaling.estimate.seasonality import DAY_SECONDS
from modelmatrix.scaling.observation.observation import History
from modelmatrix.scaling.policy import SloPolicy
from observations import CAPACITY, Watch, traffic

POLICY = SloPolicy()


def day(second: float) -> float:
    return 40.0 + 30.0 * sin(tau * second / DAY_SECONDS)


def history(days: float = 3.0, step: float = 300.0, *, hole: range = range(0)) -> History:
    steps = int(days * DAY_SECONDS / step)
    rates = tuple(None if index in hole else day((index + 0.5) * step) for index in range(steps))
    return History(first_second=step, step_seconds=step, arrivals_per_second=rates)


def test_days_and_skill_come_back() -> None:
    memory = POLICY.restore_state(history(), 3 * DAY_SECONDS)
    season, forecast = memory.demand.season, memory.demand.forecast
    assert season.rate(2 * DAY_SECONDS) == pytest.approx(day(2 * DAY_SECONDS), rel=0.01)
    assert forecast.steps > PRIOR_STEPS + 60
    assert forecast.variance < PRIOR_ERROR**2
    assert forecast.errors[SEASONAL] < forecast.errors[0]
    assert 40.0 < memory.margin.safety_margin.busy_per_second < 70.0
    assert memory.margin.safety_margin.part == FIRST_PART


def test_a_rebuilt_memory_is_used_at_once() -> None:
    """In the morning of a known day, more is started than without a memory."""
    start = 3 * DAY_SECONDS
    numbers = []
    for memory in (POLICY.restore_state(history(), start), POLICY.initial_state(start)):
        watch = Watch(POLICY, ready=4, second=start)
        watch.memory = memory
        for _ in range(8):
            decision = watch.look(traffic=traffic(day(watch.second)))
        numbers.append(decision.values["forecastPerSecond"])
    assert numbers[0] > numbers[1] >= 40.0


def test_a_restart_makes_no_rash_step() -> None:
    start = 3 * DAY_SECONDS
    watch = Watch(POLICY, ready=9, second=start)
    watch.memory = POLICY.restore_state(history(), start)
    numbers = [watch.look(traffic=traffic(CAPACITY)).replicas for _ in range(12)]
    assert numbers == [9] * 12


def test_holes_stay_unknown() -> None:
    season = POLICY.restore_state(history(hole=range(400, 500)), 3 * DAY_SECONDS).demand.season
    assert season.rate(450 * 300.0) is None
    assert season.rate(350 * 300.0) is not None


@pytest.mark.parametrize("step", [300.0, 900.0, 1500.0])
def test_coarse_steps_are_good_for_the_season(step: float) -> None:
    season = POLICY.restore_state(history(step=step), 3 * DAY_SECONDS).demand.season
    noon = 1.25 * DAY_SECONDS
    assert season.rate(noon) == pytest.approx(day(noon), rel=0.05)


def test_no_history_is_no_memory() -> None:
    empty = History(first_second=0.0, step_seconds=300.0, arrivals_per_second=())
    unknown = History(first_second=0.0, step_seconds=300.0, arrivals_per_second=(None, None))
    assert POLICY.restore_state(empty, 0.0) == POLICY.restore_state(unknown, 0.0) == POLICY.initial_state(0.0)


@given(
    st.lists(st.none() | st.floats(0.0, 1e6), max_size=60),
    st.floats(0.0, 1e9),
    st.sampled_from([60.0, 300.0, 1200.0, 7200.0]),
)
def test_any_history_is_survived(rates: list[float | None], first: float, step: float) -> None:
    past = History(first_second=first, step_seconds=step, arrivals_per_second=tuple(rates))
    watch = Watch(POLICY, second=first + step * len(rates))
    watch.memory = POLICY.restore_state(past, watch.second)
    assert 1 <= watch.look(times=5).replicas <= 20
