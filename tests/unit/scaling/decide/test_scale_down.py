"""When replicas may go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelmatrix.performance.engine_timing import EngineTiming, SloBounds
from modelmatrix.scaling.decide.context import PolicyContext, build_context
from modelmatrix.scaling.decide.proposal import ReplicaProposal
from modelmatrix.scaling.decide.scale_down import MAX_DELAY_SECONDS, MIN_DELAY_SECONDS, rate_of, scale_down_floor, stabilize
from modelmatrix.scaling.estimate.seasonality import DAY_SECONDS, Season
from modelmatrix.scaling.state.state import PolicyState, ScaleDownState
from observations import CAPACITY, CHAT, LENGTHS, observation, reading, traffic, variant

SECOND = 50_000.0
OLD = ScaleDownState(recommendations=((0.0, 0.0),), last_busy_second=0.0)


def situation(
    *, shrinking: ScaleDownState = OLD, season: Season | None = None, second: float = SECOND, **fields: Any
) -> PolicyContext:
    now = build_context(observation(second, **{"variants": (variant(8),)} | fields), PolicyState(scale_down=shrinking))
    assert now is not None
    demand = replace(now.state.demand, season=season) if season else now.state.demand
    return replace(now, state=replace(now.state, demand=demand))


GONE = ScaleDownState(recommendations=((SECOND, 0.0),))


def least(now: PolicyContext, asked: ReplicaProposal) -> int:
    """The fewest that may be left when nothing was wanted lately."""
    return scale_down_floor(now, asked, GONE)


def wish(replicas: float, **fields: Any) -> ReplicaProposal:
    return ReplicaProposal(replicas, "words", **fields)


@pytest.mark.parametrize(("start", "window"), [(10.0, MIN_DELAY_SECONDS), (180.0, 180.0), (3600.0, MAX_DELAY_SECONDS)])
def test_what_was_wanted_is_kept_for_as_long_as_a_start_takes(start: float, window: float) -> None:
    for age, expected in ((window - 1.0, 7.0), (window + 1.0, 2.0)):
        before = ScaleDownState(recommendations=((SECOND - age, 7.0),))
        now = situation(shrinking=before, variants=(variant(8, start_seconds=start),))
        assert stabilize(now, wish(2.0)).recommendations[0][1] == expected


def test_only_numbers_that_no_later_one_reaches_are_remembered() -> None:
    before = ScaleDownState(recommendations=((SECOND - 60.0, 7.0), (SECOND - 45.0, 5.0), (SECOND - 30.0, 3.0)))
    now = situation(shrinking=before)
    assert stabilize(now, wish(4.0)).recommendations == ((SECOND - 60.0, 7.0), (SECOND - 45.0, 5.0), (SECOND, 4.0))
    assert stabilize(now, wish(9.0)).recommendations == ((SECOND, 9.0),)


def test_without_a_memory_what_there_is_was_wanted() -> None:
    now = situation(shrinking=ScaleDownState())
    assert stabilize(now, wish(2.0)).recommendations == ((SECOND, 8.0), (SECOND, 2.0))


def test_the_last_replica_stays_for_a_while_of_silence() -> None:
    silent, long_silent = ScaleDownState(last_busy_second=SECOND - 599.0), ScaleDownState(last_busy_second=SECOND - 601.0)
    idle = {"traffic": traffic(0.0, running=0.0)}
    assert 0.0 < stabilize(situation(shrinking=silent, **idle), wish(0.0)).recommendations[-1][1] < 0.01
    assert stabilize(situation(shrinking=long_silent, **idle), wish(0.0)).recommendations[-1][1] == 0.0


def test_a_slow_start_is_worth_a_longer_wait() -> None:
    silent = ScaleDownState(last_busy_second=SECOND - 900.0)
    slow = situation(shrinking=silent, variants=(variant(8, start_seconds=1800.0),))
    assert stabilize(slow, wish(0.0)).recommendations[-1][1] > 0.0


def test_silence_that_ended_at_this_time_yesterday_is_not_over() -> None:
    season = Season()
    for step in range(400):
        second = SECOND - DAY_SECONDS - 3000.0 + 60.0 * step
        season = season.with_rate(second, 5.0 if second > SECOND - DAY_SECONDS + 120.0 else 0.0)
    season = season.with_rate(SECOND - 600.0, 0.0)
    busy = ScaleDownState(last_busy_second=0.0)
    assert stabilize(situation(shrinking=busy, season=season), wish(0.0)).recommendations[-1][1] > 0.0
    assert stabilize(situation(shrinking=busy, season=season, second=SECOND - 3000.0), wish(0.0)).recommendations[-1][1] == 0.0


def test_traffic_makes_busy_and_silence_does_not() -> None:
    now = situation(shrinking=ScaleDownState(last_busy_second=77.0))
    assert stabilize(now, wish(1.0)).last_busy_second == SECOND
    assert stabilize(now, wish(0.0, holds=True)).last_busy_second == SECOND
    assert stabilize(now, wish(0.0)).last_busy_second == 77.0


@pytest.mark.parametrize(("present", "left"), [(1, 0), (2, 1), (7, 6), (8, 6), (40, 30)])
def test_a_quarter_goes_at_most(present: int, left: int) -> None:
    assert least(situation(variants=(variant(present),)), wish(0.0)) == left


def test_what_was_wanted_lately_leaves_nothing_to_ask_for() -> None:
    wanted = ScaleDownState(recommendations=((SECOND - 60.0, 7.2), (SECOND, 3.0)))
    assert scale_down_floor(situation(), wish(3.0), wanted) == 8


def test_the_next_step_is_a_minute_later() -> None:
    soon, late = (replace(OLD, reduced_at_second=SECOND - age) for age in (59.0, 60.0))
    assert least(situation(shrinking=soon), wish(0.0)) == 8
    assert least(situation(shrinking=late), wish(0.0)) == 6


def test_nothing_goes_while_something_holds_or_is_not_measured() -> None:
    assert least(situation(), wish(0.0, holds=True)) == 8
    assert least(situation(traffic=traffic(measured=7)), wish(0.0)) == 8
    assert least(situation(traffic=traffic(measured=8)), wish(0.0)) == 6


def serving(load: float, timing: EngineTiming = CHAT) -> dict[str, Any]:
    """Eight replicas under a load, in parts of what they can serve within the SLO."""
    rate = load * CAPACITY
    return {"variants": (variant(8, timing=timing, engine=reading(rate, timing=timing)),), "traffic": traffic(8 * rate)}


def test_those_that_are_left_must_decode_in_time_by_what_runs() -> None:
    """Whatever is said to arrive: what runs in the engines does not lie."""
    busy, idle = serving(0.9), serving(0.5)
    assert least(situation(**busy), wish(0.0)) == 8
    assert least(situation(**idle), wish(0.0)) == 6
    assert least(situation(**busy, slo=SloBounds(ttft_seconds=1.0)), wish(0.0)) == 6


def test_where_the_slo_cannot_be_kept_anyhow_that_is_no_reason_to_stay() -> None:
    assert least(situation(**serving(0.5, EngineTiming(0.06, 41e-6, 36e-9))), wish(0.0)) == 6


def test_a_reading_that_is_no_number_is_none() -> None:
    broken = variant(8, engine=replace(reading(0.9 * CAPACITY), running=float("nan")))
    assert least(situation(variants=(broken,)), wish(0.0)) == 6


@pytest.mark.parametrize("rate", [0.5, 3.0, 11.0])
def test_littles_law_is_turned_round(rate: float) -> None:
    assert rate_of(CHAT, LENGTHS, CHAT.running(rate, LENGTHS)) == pytest.approx(rate)
