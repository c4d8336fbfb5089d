"""Ready: whether a deployment serves its present spec; if not, what it waits for, fails at, or rolls out. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from modelmatrix.api.conditions import FALSE, READY, TRUE, ConditionState
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan, PoolPlacement


def ready_state(deployment: DeploymentPlan, placed: ConditionState) -> ConditionState:
    """The Ready condition. While replicas of an older spec serve, it is False: the present spec does not serve yet."""
    desired = deployment.desired
    if deployment.failure is not None:
        return ConditionState(READY, FALSE, deployment.failure.reason, deployment.failure.message)
    if placed.status == FALSE:
        return ConditionState(READY, FALSE, placed.reason, placed.message)
    if desired is not None and desired.replicas == 0:
        return ConditionState(READY, TRUE, desired.reason, desired.message)
    return _serving(deployment)


def _serving(deployment: DeploymentPlan) -> ConditionState:
    rolling = [placement for placement in deployment.placements if placement.is_rolling]
    is_outdated = any(placement.is_outdated for placement in rolling)
    new = sum(placement.ready for placement in deployment.placements)
    serve = f"{deployment.ready} of {deployment.desired_replicas} replicas serve"
    if new >= deployment.desired_replicas and not rolling:
        return ConditionState(READY, TRUE, Reason.REPLICAS_READY, serve)
    serve += ", older ones among them" if deployment.ready > new or (new and is_outdated) else ""
    serve += _cause(rolling)
    broken = _broken(deployment)
    if broken:
        return ConditionState(READY, FALSE, Reason.REPLICA_FAILING, f"{serve}. {broken}")
    return ConditionState(READY, FALSE, Reason.REPLICA_STARTING, f"{serve}{_waiting(deployment)}")


def _cause(rolling: Iterable[PoolPlacement]) -> str:
    cause = next((placement.change_cause for placement in rolling if placement.change_cause), "")
    return f"; rolling out: {cause} differs" if cause else ""


def _broken(deployment: DeploymentPlan) -> str:
    """Why pods cannot be created or do not stay up, as their controller or the kubelet reports it."""
    for placement in deployment.placements:
        if placement.workload is not None and placement.workload.failure:
            return f"{placement.option.pool}: {placement.workload.failure}"
        if placement.observed is not None and placement.observed.failing:
            return f"{placement.option.pool}: {'; '.join(placement.observed.problems[:2])}"
    return ""


def _waiting(deployment: DeploymentPlan) -> str:
    groups = sum(placement.waiting for placement in deployment.placements)
    if groups:
        return f"; {groups} wait until whole nodes are free"
    problems = [problem for placement in deployment.placements if placement.observed for problem in placement.observed.problems]
    if problems:
        return f"; {problems[0]}"
    expected = max((placement.option.start_seconds for placement in deployment.placements if placement.desired), default=0)
    return f"; a start takes about {expected:.0f} s" if expected else ""
