"""How many replicas a deployment should have now: fixed number, or policy, bounds and schedule floors. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from modelmatrix.api.model_deployment import ModelDeploymentSpec, Scaling, ScheduleWindow
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.snapshot import ScaleDecision
from modelmatrix.planning.wall_clock import last_time, next_time, second_of
from modelmatrix.scaling.observation import FloorWindow

DEFAULT_LEAD_SECONDS = 300


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
    last_start = last_time(window.start, window.time_zone, now_seconds + lead_seconds, window.name)
    return last_start > last_time(window.end, window.time_zone, now_seconds, window.name)


def floor_windows(windows: Iterable[ScheduleWindow], *, now_seconds: float, horizon_seconds: float) -> tuple[FloorWindow, ...]:
    """Windows with a floor that are open, or start within the horizon or their own lead time.

    Raises:
        ScheduleError: a window cannot be read.
    """
    return tuple(found for window in windows for found in _floors(window, now_seconds, horizon_seconds))


def _floors(window: ScheduleWindow, now_seconds: float, horizon_seconds: float) -> Iterator[FloorWindow]:
    """The floor of a window that is open, and the next one if it starts soon."""
    last_start, last_end = (
        last_time(expression, window.time_zone, now_seconds, window.name) for expression in (window.start, window.end)
    )
    if last_start > last_end:
        yield _floor(window, last_start)
    coming = _floor(window, next_time(window.start, last_start))
    soon = now_seconds + max(horizon_seconds, window.lead_seconds or 0.0)
    if coming.start_second <= soon and coming.start_second < coming.end_second:
        yield coming


def _floor(window: ScheduleWindow, start: datetime) -> FloorWindow:
    return FloorWindow(
        start_second=second_of(start, window.time_zone),
        end_second=second_of(next_time(window.end, start), window.time_zone),
        replicas=window.min_replicas,
        lead_seconds=window.lead_seconds,
    )
