"""How many replicas a deployment should have now: a fixed number, or the scaling decision within the bounds. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from modelmatrix.api.model_deployment import ModelDeploymentSpec, Scaling
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.desired.schedule import default_lead_seconds, highest_floor, schedule_floor_windows
from modelmatrix.planning.snapshot.snapshot import ScaleDecision
from modelmatrix.scaling.observation.replica_bounds import ReplicaBounds


@dataclass(frozen=True, slots=True)
class DesiredReplicas:
    """A number of replicas with the reason for it."""

    replicas: int
    reason: Reason
    message: str


def desired_replicas(
    spec: ModelDeploymentSpec, *, current: int, decision: ScaleDecision | None, now_seconds: float, start_seconds: float
) -> DesiredReplicas:
    """The number of replicas that the spec requires now.

    ``current`` is the number decided last: without a scaling decision it stays, within the bounds. ``start_seconds`` is the
    longest start to expect; windows without ``leadSeconds`` open that much earlier.

    Raises:
        ScheduleError: a schedule window cannot be read.
    """
    if spec.suspend:
        return DesiredReplicas(0, Reason.SUSPENDED, "spec.suspend is true")
    if spec.scaling is None:
        return _fixed(spec.replicas)
    return _scaled(replica_bounds(spec.scaling, now_seconds, start_seconds=start_seconds), current, decision)


def replica_bounds(scaling: Scaling, now_seconds: float, *, start_seconds: float) -> ReplicaBounds:
    """The bounds of a scaled deployment at a moment, with the highest floor of its open schedule windows.

    Raises:
        ScheduleError: a schedule window cannot be read.
    """
    if not scaling.schedule:  # most deployments, each in every plan
        return ReplicaBounds(min_replicas=scaling.min_replicas, max_replicas=scaling.max_replicas)
    horizon_seconds = default_lead_seconds(start_seconds)
    windows = schedule_floor_windows(scaling.schedule, now_seconds=now_seconds, horizon_seconds=horizon_seconds)
    floor = highest_floor(windows, now_seconds, start_seconds=start_seconds)
    return ReplicaBounds(
        min_replicas=scaling.min_replicas, max_replicas=scaling.max_replicas, floor=floor.replicas, window=floor.window
    )


def _fixed(replicas: int) -> DesiredReplicas:
    if replicas == 0:
        return DesiredReplicas(0, Reason.SCALED_TO_ZERO, "spec.replicas is 0")
    return DesiredReplicas(replicas, Reason.BOUNDS_CHANGED, f"spec.replicas is {replicas}")


def _scaled(bounds: ReplicaBounds, current: int, decision: ScaleDecision | None) -> DesiredReplicas:
    proposed = decision.replicas if decision else current
    replicas = bounds.clamp(proposed)
    if replicas == 0:
        return DesiredReplicas(0, Reason.SCALED_TO_ZERO, "minReplicas is 0 and no window is open")
    violation = bounds.violation(proposed)
    if violation is not None:
        return DesiredReplicas(replicas, *violation)
    return DesiredReplicas(replicas, decision.reason if decision else Reason.STEADY, decision.message if decision else "")
