"""Whether a schedule window is open, and how many replicas the open ones require. Pure.

A window's replicas must be ready when it starts, so it opens a lead time before its start; it closes at its end. The lead time
is the window's own ``leadSeconds``. Without one it is the longest start to expect, a fifth in reserve because the next start
may be slower than all before it, and half a minute until the next cycle has planned and created the pods. The longest start is
what the scaling policy has learned, and before it has decided the slowest pool's estimate from the catalogue.

The planner, the autoscaler's observation and the simulator all call ``highest_floor``, so a window opens at the same second
for each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from modelmatrix.api.model_deployment import ScheduleWindow
from modelmatrix.planning.desired.cron import next_fire_time, previous_fire_time, to_epoch

START_RESERVE = 1.2
CYCLE_SECONDS = 30.0
DEFAULT_START_SECONDS = 225.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFloorWindow:
    """One opening of a schedule window, in seconds since the epoch, and the replicas that it requires."""

    start_second: float
    end_second: float
    replicas: int
    lead_seconds: float | None = None
    name: str = ""

    def is_open(self, second: float, *, start_seconds: float) -> bool:
        """Whether the replicas must be there or on their way, when a replica takes up to ``start_seconds`` to start."""
        lead = default_lead_seconds(start_seconds) if self.lead_seconds is None else self.lead_seconds
        return self.start_second - lead <= second < self.end_second


@dataclass(frozen=True, slots=True)
class ScheduleFloor:
    """The highest number of replicas that an open window requires, and the name of that window; 0 without one."""

    replicas: int = 0
    window: str = ""


class StartLearner(Protocol):
    """A decision of the scaling policy, with the longest start that the policy has learned (``None``: nothing learned)."""

    @property
    def longest_start_seconds(self) -> float | None:
        """Model seconds."""


def longest_start_seconds(decision: StartLearner | None, estimates_seconds: Iterable[float]) -> float:
    """The longest start to expect: as the scaling policy learned it, else the largest of the pools' estimates."""
    if decision is not None and decision.longest_start_seconds is not None:
        return decision.longest_start_seconds
    return max(estimates_seconds, default=DEFAULT_START_SECONDS)


def default_lead_seconds(start_seconds: float) -> float:
    """How long before its start a window opens that has no ``leadSeconds``."""
    return START_RESERVE * start_seconds + CYCLE_SECONDS


def highest_floor(windows: Iterable[ScheduleFloorWindow], second: float, *, start_seconds: float) -> ScheduleFloor:
    """The highest floor of the windows that are open at a second; the first of equal ones gives its name."""
    highest = ScheduleFloor()
    for window in windows:
        if window.replicas > highest.replicas and window.is_open(second, start_seconds=start_seconds):
            highest = ScheduleFloor(window.replicas, window.name)
    return highest


def schedule_floor_windows(
    schedule: Iterable[ScheduleWindow], *, now_seconds: float, horizon_seconds: float
) -> tuple[ScheduleFloorWindow, ...]:
    """Openings that have started and not ended, or start within the horizon or within their own lead time.

    Raises:
        ScheduleError: a window cannot be read.
    """
    return tuple(opening for window in schedule for opening in _openings(window, now_seconds, horizon_seconds))


def _openings(window: ScheduleWindow, now_seconds: float, horizon_seconds: float) -> Iterator[ScheduleFloorWindow]:
    last_start, last_end = (
        previous_fire_time(expression, window.time_zone, now_seconds, window.name) for expression in (window.start, window.end)
    )
    if last_start > last_end:
        yield _opening(window, last_start)
    upcoming = _opening(window, next_fire_time(window.start, last_start))
    latest_second = now_seconds + max(horizon_seconds, window.lead_seconds or 0.0)
    if upcoming.start_second <= latest_second and upcoming.start_second < upcoming.end_second:
        yield upcoming


def _opening(window: ScheduleWindow, start: datetime) -> ScheduleFloorWindow:
    return ScheduleFloorWindow(
        start_second=to_epoch(start, window.time_zone),
        end_second=to_epoch(next_fire_time(window.end, start), window.time_zone),
        replicas=window.min_replicas,
        lead_seconds=window.lead_seconds,
        name=window.name,
    )
