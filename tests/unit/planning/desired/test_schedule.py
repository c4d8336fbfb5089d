"""Openings of schedule windows, when they count as open, and the highest floor of the open ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.api.model_deployment import ScheduleWindow
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.desired.cron import ScheduleError, previous_fire_time
from modelmatrix.planning.desired.schedule import (
    CYCLE_SECONDS,
    DEFAULT_START_SECONDS,
    START_RESERVE,
    ScheduleFloor,
    ScheduleFloorWindow,
    highest_floor,
    longest_start_seconds,
    schedule_floor_windows,
)
from modelmatrix.planning.snapshot.snapshot import ScaleDecision

HOUR = 3600.0
SHANGHAI = ZoneInfo("Asia/Shanghai")


def window(start: str = "30 8 * * 1-5", end: str = "0 18 * * 1-5", **fields: Any) -> ScheduleWindow:
    content = {"name": "office", "start": start, "end": end, "timeZone": "Asia/Shanghai", "minReplicas": 3}
    return ScheduleWindow.model_validate(content | fields)


def at(text: str) -> float:
    """A time in Shanghai."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp()


def told(now: str, *windows: ScheduleWindow) -> list[tuple[float, float]]:
    found = schedule_floor_windows(windows, now_seconds=at(now), horizon_seconds=2 * HOUR)
    return [(one.start_second, one.end_second) for one in found]


OFFICE = (at("2026-11-23 08:30"), at("2026-11-23 18:00"))  # a Monday


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-23 06:29", []),
        ("2026-11-23 06:30", [OFFICE]),
        ("2026-11-23 08:30", [OFFICE]),
        ("2026-11-23 17:59", [OFFICE]),
        ("2026-11-23 18:00", []),
        ("2026-11-22 08:30", []),
    ],
)
def test_a_window_is_told_from_the_horizon_before_its_start_until_its_end(
    now: str, expected: list[tuple[float, float]]
) -> None:
    assert told(now, window()) == expected


def test_the_floor_and_the_lead_time_come_along() -> None:
    (found,) = schedule_floor_windows([window(leadSeconds=900)], now_seconds=at("2026-11-23 08:00"), horizon_seconds=HOUR)
    assert found == ScheduleFloorWindow(
        start_second=OFFICE[0], end_second=OFFICE[1], replicas=3, lead_seconds=900, name="office"
    )


def test_a_long_lead_time_reaches_beyond_the_horizon() -> None:
    assert told("2026-11-23 00:30", window(leadSeconds=8 * 3600)) == [OFFICE]


def test_an_open_window_and_the_next_one() -> None:
    hourly = window(start="0 * * * *", end="30 * * * *")
    assert told("2026-11-23 10:10", hourly) == [
        (at("2026-11-23 10:00"), at("2026-11-23 10:30")),
        (at("2026-11-23 11:00"), at("2026-11-23 11:30")),
    ]


def test_a_window_over_midnight() -> None:
    night = window(start="0 22 * * *", end="0 6 * * *")
    assert told("2026-11-24 01:00", night) == [(at("2026-11-23 22:00"), at("2026-11-24 06:00"))]


@pytest.mark.parametrize("fields", [{"start": "junk junk"}, {"timeZone": "Asia/Nowhere"}, {"end": "0 0 30 2 *"}])
def test_a_window_that_cannot_be_read_is_named(fields: dict[str, str]) -> None:
    with pytest.raises(ScheduleError, match="office"):
        schedule_floor_windows([window(**fields)], now_seconds=at("2026-11-23 10:00"), horizon_seconds=HOUR)


crons = st.sampled_from(["30 8 * * 1-5", "0 18 * * *", "0 0 * * *", "*/20 * * * *", "15 */3 * * *", "0 9 1 * *"])


@given(start=crons, end=crons, offset=st.integers(min_value=0, max_value=40 * 86400))
def test_what_is_open_is_told_and_nothing_else_is_open(start: str, end: str, offset: int) -> None:
    now = at("2026-10-01 00:00") + offset
    one = window(start=start, end=end)
    found = schedule_floor_windows([one], now_seconds=now, horizon_seconds=HOUR)
    last_start, last_end = (previous_fire_time(cron, "Asia/Shanghai", now, "office") for cron in (start, end))
    is_open = last_start > last_end
    assert is_open == any(item.start_second <= now < item.end_second for item in found)
    assert all(item.start_second < item.end_second and item.start_second <= now + HOUR for item in found)


START = 180.0
LEAD = START_RESERVE * START + CYCLE_SECONDS
MORNING = ScheduleFloorWindow(start_second=10_000.0, end_second=20_000.0, replicas=4, name="morning")


def floor(second: float, *openings: ScheduleFloorWindow, start_seconds: float = START) -> int:
    return highest_floor(openings, second, start_seconds=start_seconds).replicas


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (10_000.0 - LEAD - 1.0, 0),
        (10_000.0 - LEAD, 4),
        (10_000.0, 4),
        (19_999.0, 4),
        (20_000.0, 0),
    ],
)
def test_a_window_opens_a_start_with_reserve_and_a_cycle_before_its_start(second: float, expected: int) -> None:
    assert floor(second, MORNING) == expected


def test_the_lead_time_of_the_window_wins() -> None:
    exact = ScheduleFloorWindow(start_second=10_000.0, end_second=20_000.0, replicas=4, lead_seconds=0.0)
    assert floor(9_999.0, exact) == 0
    assert floor(10_000.0, exact) == 4


def test_the_highest_open_window_counts() -> None:
    lower = ScheduleFloorWindow(start_second=0.0, end_second=99_999.0, replicas=2, name="always")
    assert highest_floor((MORNING, lower), 5_000.0, start_seconds=START) == ScheduleFloor(2, "always")
    assert highest_floor((lower, MORNING), 15_000.0, start_seconds=START) == ScheduleFloor(4, "morning")
    assert highest_floor((), 15_000.0, start_seconds=START) == ScheduleFloor(0, "")


def test_the_longest_start_is_what_the_policy_learned_or_the_slowest_pool() -> None:
    learned = ScaleDecision(2, Reason.STEADY, "", longest_start_seconds=400.0)
    assert longest_start_seconds(learned, [100.0, 900.0]) == 400.0
    assert longest_start_seconds(ScaleDecision(2, Reason.STEADY, ""), [100.0, 900.0]) == 900.0
    assert longest_start_seconds(None, []) == DEFAULT_START_SECONDS
