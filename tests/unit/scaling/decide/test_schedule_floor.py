"""Floors of a schedule, ready when they begin."""

from __future__ import annotations

from typing import Any

import pytest

from modelmatrix.scaling.decide.context import LAG_SECONDS, build_context
from modelmatrix.scaling.decide.schedule_floor import schedule_floor
from modelmatrix.scaling.observation.observation import ScheduleFloorWindow
from modelmatrix.scaling.policy import SloPolicy
from observations import START, observation, variant

MORNING = ScheduleFloorWindow(start_second=10_000.0, end_second=20_000.0, replicas=4)


def floor(second: float, *windows: ScheduleFloorWindow, **fields: Any) -> int:
    now = build_context(observation(second, windows=windows, **fields), SloPolicy().initial_state(0.0))
    assert now is not None
    return schedule_floor(now)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (10_000.0 - START - LAG_SECONDS - 1.0, 0),
        (10_000.0 - START - LAG_SECONDS, 4),
        (10_000.0, 4),
        (19_999.0, 4),
        (20_000.0, 0),
    ],
)
def test_a_window_opens_as_early_as_starts_take(second: float, expected: int) -> None:
    assert floor(second, MORNING) == expected


def test_the_longest_start_that_was_seen_counts() -> None:
    seen = (variant(starts_seen=((100.0, 150.0), (200.0, 400.0), (300.0, 170.0))),)
    assert floor(10_000.0 - 400.0 - LAG_SECONDS, MORNING, variants=seen) == 4
    assert floor(10_000.0 - 400.0 - LAG_SECONDS - 1.0, MORNING, variants=seen) == 0


def test_a_lead_that_is_given_counts() -> None:
    window = ScheduleFloorWindow(start_second=10_000.0, end_second=20_000.0, replicas=4, lead_seconds=0.0)
    assert floor(9_999.0, window) == 0
    assert floor(10_000.0, window) == 4


def test_the_highest_open_window_counts() -> None:
    lower = ScheduleFloorWindow(start_second=0.0, end_second=99_999.0, replicas=2)
    assert floor(5_000.0, MORNING, lower) == 2
    assert floor(15_000.0, MORNING, lower) == 4


def test_the_floor_that_is_told_counts_too() -> None:
    assert floor(0.0, floor=3) == 3
    assert floor(15_000.0, MORNING, floor=9) == 9
