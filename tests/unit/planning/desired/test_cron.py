"""Windows of a schedule on days on which clocks are put forward or back."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.api.model_deployment import ScheduleWindow
from modelmatrix.planning.desired.cron import next_fire_time, previous_fire_time, to_epoch
from modelmatrix.planning.desired.schedule import schedule_floor_windows

MINUTE, HOUR, DAY = 60, 3600, 86400

# Zones with the day of a change: an hour, half an hour, at midnight, and a whole day that was left out.
CHANGES = [
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/New_York", "2026-11-01"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Africa/Cairo", "2026-04-24"),
    ("America/Santiago", "2026-04-05"),
    ("Pacific/Apia", "2011-12-29"),
]


def window(start: str, end: str, zone: str) -> ScheduleWindow:
    content = {"name": "w", "start": start, "end": end, "timeZone": zone, "minReplicas": 3}
    return ScheduleWindow.model_validate(content)


def midnight(zone: str, day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).timestamp())


def changes(one: ScheduleWindow, begin: int, hours: int) -> list[str]:
    """Times at which the window opens and closes."""
    found, before = [], False
    for second in range(begin, begin + hours * HOUR, MINUTE):
        openings = schedule_floor_windows([one], now_seconds=second, horizon_seconds=0.0)
        is_open = any(opening.start_second <= second < opening.end_second for opening in openings)
        if is_open is not before:
            found.append(datetime.fromtimestamp(second, ZoneInfo(one.time_zone)).strftime("%d %H:%M%z"))
            before = is_open
    return found


@pytest.mark.parametrize(
    ("start", "end", "day", "expected"),
    [
        ("30 2 * * *", "30 6 * * *", "2026-10-25", ["25 02:30+0200", "25 06:30+0100"]),
        ("0 1 * * *", "30 2 * * *", "2026-10-25", ["25 01:00+0200", "25 02:30+0200"]),
        ("30 2 * * *", "30 6 * * *", "2026-03-29", ["29 03:00+0200", "29 06:30+0200"]),
        ("0 1 * * *", "30 2 * * *", "2026-03-29", ["29 01:00+0100", "29 03:00+0200"]),
        ("15 2 * * *", "45 2 * * *", "2026-03-29", []),
    ],
)
def test_a_window_opens_once_on_a_day_whose_clock_changes(start: str, end: str, day: str, expected: list[str]) -> None:
    assert changes(window(start, end, "Europe/Berlin"), midnight("Europe/Berlin", day), 23) == expected


minutes = st.integers(0, 24 * 60 - 1)


@given(change=st.sampled_from(CHANGES), start=minutes, length=st.integers(1, 23 * 60), offset=st.integers(0, 2 * DAY))
def test_a_daily_window_opens_at_most_once_in_a_day_and_never_in_the_future(
    change: tuple[str, str], start: int, length: int, offset: int
) -> None:
    zone, day = change
    opens, ends = (f"{at % 60} {at // 60 % 24} * * *" for at in (start, start + length))
    begin = midnight(zone, day) - DAY
    last = previous_fire_time(opens, zone, begin + offset, "w")
    following = next_fire_time(opens, last)
    assert following - last == timedelta(days=1)
    assert to_epoch(last, zone) <= begin + offset < to_epoch(following, zone) + MINUTE
    found = schedule_floor_windows([window(opens, ends, zone)], now_seconds=begin + offset, horizon_seconds=HOUR)
    is_open = last > previous_fire_time(ends, zone, begin + offset, "w")
    assert is_open == any(one.start_second <= begin + offset < one.end_second for one in found)
    assert all(one.start_second < one.end_second for one in found)


@given(change=st.sampled_from(CHANGES), start=minutes, offsets=st.lists(st.integers(0, 3 * DAY), min_size=2, max_size=2))
def test_what_happened_last_never_goes_back(change: tuple[str, str], start: int, offsets: list[int]) -> None:
    zone, day = change
    first, second = (
        previous_fire_time(f"{start % 60} {start // 60} * * *", zone, midnight(zone, day) - DAY + at, "w")
        for at in sorted(offsets)
    )
    assert first <= second
    assert to_epoch(first, zone) <= to_epoch(second, zone)
