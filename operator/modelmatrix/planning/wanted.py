"""How many replicas a deployment should have now: fixed number, or policy, bounds and schedule floors. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from modelmatrix.api.model_deployment import ModelDeploymentSpec, Scaling, ScheduleWindow
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.snapshot import ScaleDecision
from modelmatrix.scaling.observation import FloorWindow

DEFAULT_LEAD_SECONDS = 300
_MINUTE = 60


class ScheduleError(ValueError):
    """A schedule window cannot be read; the text names the window and says what is wrong."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A number of replicas with the reason for it."""

    replicas: int
    reason: Reason
    message: str


def wanted_replicas(
    spec: ModelDeploymentSpec, *, current: int, decision: ScaleDecision | None, now_seconds: float, lead_seconds: float
) -> Wanted:
    """The number of replicas that the spec asks for now.

    ``current`` is the number held today: without a decision of the policy it stays, within the bounds.
    ``lead_seconds`` is how long before a window its replicas are started when the window does not say.

    Raises:
        ScheduleError: a schedule window cannot be read.
    """
    if spec.suspend:
        return Wanted(0, Reason.SUSPENDED, "spec.suspend is true")
    if spec.scaling is None:
        return _fixed(spec.replicas)
    floor = schedule_floor(spec.scaling.schedule, now_seconds=now_seconds, lead_seconds=lead_seconds)
    return _scaled(spec.scaling, floor, current, decision)


def _fixed(replicas: int) -> Wanted:
    if replicas == 0:
        return Wanted(0, Reason.SCALED_TO_ZERO, "spec.replicas is 0")
    return Wanted(replicas, Reason.BOUNDS_CHANGED, f"spec.replicas is {replicas}")


def _scaled(scaling: Scaling, floor: ScheduleFloor, current: int, decision: ScaleDecision | None) -> Wanted:
    lowest = max(scaling.min_replicas, floor.replicas)
    proposed = decision.replicas if decision else current
    replicas = min(max(proposed, lowest), scaling.max_replicas)
    if replicas == 0:
        return Wanted(0, Reason.SCALED_TO_ZERO, "minReplicas is 0 and no window is open")
    if replicas > proposed and floor.replicas > scaling.min_replicas:
        return Wanted(replicas, Reason.SCHEDULED_FLOOR, f"window {floor.window} asks for {floor.replicas} replicas")
    if replicas != proposed:
        bounds = f"minReplicas {scaling.min_replicas} and maxReplicas {scaling.max_replicas}"
        return Wanted(replicas, Reason.BOUNDS_CHANGED, f"{proposed} replicas are outside {bounds}")
    return Wanted(replicas, decision.reason if decision else Reason.STEADY, decision.message if decision else "")


@dataclass(frozen=True, slots=True)
class ScheduleFloor:
    """The highest floor of the open windows, and the name of its window."""

    replicas: int
    window: str


def schedule_floor(windows: Iterable[ScheduleWindow], *, now_seconds: float, lead_seconds: float) -> ScheduleFloor:
    """The highest floor of the windows that are open now, lead time included.

    Raises:
        ScheduleError: a window cannot be read.
    """
    best = ScheduleFloor(0, "")
    for window in windows:
        lead = lead_seconds if window.lead_seconds is None else window.lead_seconds
        if window.min_replicas > best.replicas and _is_open(window, now_seconds, lead):
            best = ScheduleFloor(window.min_replicas, window.name)
    return best


def _is_open(window: ScheduleWindow, now_seconds: float, lead_seconds: float) -> bool:
    """Open from lead time before a start until the first end after that start."""
    last_start = _last(window.start, window.time_zone, int((now_seconds + lead_seconds) // _MINUTE), window.name)
    last_end = _last(window.end, window.time_zone, int(now_seconds // _MINUTE), window.name)
    return last_start > last_end


def floor_windows(windows: Iterable[ScheduleWindow], *, now_seconds: float, horizon_seconds: float) -> tuple[FloorWindow, ...]:
    """Windows with a floor that are open, or start within the horizon or their own lead time.

    Raises:
        ScheduleError: a window cannot be read.
    """
    found: list[FloorWindow] = []
    for window in windows:
        last_start, last_end = (
            _last(expression, window.time_zone, int(now_seconds // _MINUTE), window.name)
            for expression in (window.start, window.end)
        )
        starts = [last_start] if last_start > last_end else []
        coming = _next(window.start, window.time_zone, last_start, window.name)
        if coming <= now_seconds + max(horizon_seconds, window.lead_seconds or 0.0):
            starts.append(coming)
        for start in starts:
            end = _next(window.end, window.time_zone, start, window.name)
            found.append(
                FloorWindow(
                    start_second=start,
                    end_second=end,
                    replicas=window.min_replicas,
                    lead_seconds=window.lead_seconds,
                )
            )
    return tuple(found)


@lru_cache(maxsize=8192)
def _next(expression: str, time_zone: str, second: float, window: str) -> float:
    """The first time after a second that the expression names; the expression has been read before."""
    try:
        return next(CronSim(expression, datetime.fromtimestamp(second, ZoneInfo(time_zone)))).timestamp()
    except (CronSimError, StopIteration):
        raise ScheduleError(f"schedule window '{window}': '{expression}' names no time to come") from None


@lru_cache(maxsize=8192)
def _last(expression: str, time_zone: str, minute: int, window: str) -> float:
    """The last time at or before a minute that the expression names, in seconds since the epoch."""
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ScheduleError(
            f"schedule window '{window}': time zone '{time_zone}' is unknown; use one like Asia/Shanghai"
        ) from None
    try:
        # The reverse iterator excludes its own starting point, so it starts one minute later.
        start = datetime.fromtimestamp(minute * _MINUTE, zone) + timedelta(minutes=1)
        return next(CronSim(expression, start, reverse=True)).timestamp()
    except (CronSimError, StopIteration):
        raise ScheduleError(
            f"schedule window '{window}': '{expression}' is no cron expression; use five fields like '30 8 * * 1-5'"
        ) from None
