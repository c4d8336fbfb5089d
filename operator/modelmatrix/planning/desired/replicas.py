"""How many replicas a deployment should have now: fixed number, or policy, bounds and schedule floors. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from modelmatrix.api.model_deployment import ModelDeploymentSpec, Scaling, ScheduleWindow
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.desired.cron import next_fire_time, previous_fire_time, to_epoch
from modelmatrix.planning.snapshot.snapshot import ScaleDecision
from modelmatrix.scaling.observation.observation import ScheduleFloorWindow

DEFAULT_LEAD_SECONDS = 300


@dataclass(frozen=True, slots=True)
class DesiredReplicas:
    """A number of replicas with the reason for it."""

    replicas: int
    reason: Reason
    message: str


def desired_replicas(
    spec: ModelDeploymentSpec, *, current: int, decision: ScaleDecision | None, now_seconds: float, lead_seconds: float
) -> DesiredReplicas:
    """The number of replicas that the spec asks for now.

    ``current`` is the number held today: without a decision of the policy it stays, within the bounds.
    ``lead_seconds`` is how long before a window its replicas are started when the window does not say.

    Raises:
        ScheduleError: a schedule window cannot be read.
    """
    if spec.suspend:
        return DesiredReplicas(0, Reason.SUSPENDED, "spec.suspend is true")
    if spec.scaling is None:
        return _fixed(spec.replicas)
    floor = schedule_floor(spec.scaling.schedule, now_seconds=now_seconds, lead_seconds=lead_seconds)
    return _scaled(spec.scaling, floor, current, decision)


def _fixed(replicas: int) -> DesiredReplicas:
    if replicas == 0:
        return DesiredReplicas(0, Reason.SCALED_TO_ZERO, "spec.replicas is 0")
    return DesiredReplicas(replicas, Reason.BOUNDS_CHANGED, f"spec.replicas is {replicas}")


def _scaled(scaling: Scaling, floor: ScheduleFloor, current: int, decision: ScaleDecision | None) -> DesiredReplicas:
    lowest = max(scaling.min_replicas, floor.replicas)
    proposed = decision.replicas if decision else current
    replicas = min(max(proposed, lowest), scaling.max_replicas)
    if replicas == 0:
        return DesiredReplicas(0, Reason.SCALED_TO_ZERO, "minReplicas is 0 and no window is open")
    if replicas > proposed and floor.replicas > scaling.min_replicas:
        return DesiredReplicas(replicas, Reason.SCHEDULED_FLOOR, f"window {floor.window} asks for {floor.replicas} replicas")
    if replicas != proposed:
        bounds = f"minReplicas {scaling.min_replicas} and maxReplicas {scaling.max_replicas}"
        return DesiredReplicas(replicas, Reason.BOUNDS_CHANGED, f"{proposed} replicas are outside {bounds}")
    return DesiredReplicas(replicas, decision.reason if decision else Reason.STEADY, decision.message if decision else "")


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
    last_start = previous_fire_time(window.start, window.time_zone, now_seconds + lead_seconds, window.name)
    return last_start > previous_fire_time(window.end, window.time_zone, now_seconds, window.name)


def schedule_floor_windows(
    windows: Iterable[ScheduleWindow], *, now_seconds: float, horizon_seconds: float
) -> tuple[ScheduleFloorWindow, ...]:
    """Windows with a floor that are open, or start within the horizon or their own lead time.

    Raises:
        ScheduleError: a window cannot be read.
    """
    return tuple(found for window in windows for found in _floors(window, now_seconds, horizon_seconds))


def _floors(window: ScheduleWindow, now_seconds: float, horizon_seconds: float) -> Iterator[ScheduleFloorWindow]:
    """The floor of a window that is open, and the next one if it starts soon."""
    last_start, last_end = (
        previous_fire_time(expression, window.time_zone, now_seconds, window.name) for expression in (window.start, window.end)
    )
    if last_start > last_end:
        yield _floor(window, last_start)
    coming = _floor(window, next_fire_time(window.start, last_start))
    soon = now_seconds + max(horizon_seconds, window.lead_seconds or 0.0)
    if coming.start_second <= soon and coming.start_second < coming.end_second:
        yield coming


def _floor(window: ScheduleWindow, start: datetime) -> ScheduleFloorWindow:
    return ScheduleFloorWindow(
        start_second=to_epoch(start, window.time_zone),
        end_second=to_epoch(next_fire_time(window.end, start), window.time_zone),
        replicas=window.min_replicas,
        lead_seconds=window.lead_seconds,
    )
