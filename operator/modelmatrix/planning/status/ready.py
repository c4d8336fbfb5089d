"""Whether a deployment serves what its spec says now, and what it waits for or fails at when it does not. Pure."""

from __future__ import annotations

from modelmatrix.api.conditions import FALSE, READY, TRUE, ConditionState
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan, PoolPlacement


def ready_state(deployment: DeploymentPlan, placed: ConditionState) -> ConditionState:
    """The Ready condition. Replicas of an older spec go on serving, but what was asked for last is not there yet."""
    wanted = deployment.desired
    if deployment.failure is not None:
        return ConditionState(READY, FALSE, deployment.failure.reason, deployment.failure.message)
    if placed.status == FALSE:
        return ConditionState(READY, FALSE, placed.reason, placed.message)
    if wanted is not None and wanted.replicas == 0:
        return ConditionState(READY, TRUE, wanted.reason, wanted.message)
    return _serving(deployment, is_rolling=any(_rolls(item) for item in deployment.placements))


def _serving(deployment: DeploymentPlan, *, is_rolling: bool) -> ConditionState:
    new = sum(item.ready for item in deployment.placements)
    serve = f"{deployment.ready} of {deployment.desired_replicas} replicas serve"
    if new >= deployment.desired_replicas and not is_rolling:
        return ConditionState(READY, TRUE, Reason.REPLICAS_READY, serve)
    serve += ", older ones among them" if deployment.ready > new or (new and is_rolling) else ""
    broken = _broken(deployment)
    if broken:
        return ConditionState(READY, FALSE, Reason.REPLICA_FAILING, f"{serve}. {broken}")
    return ConditionState(READY, FALSE, Reason.REPLICA_STARTING, f"{serve}{_waiting(deployment)}")


def _rolls(item: PoolPlacement) -> bool:
    """Whether pods of an older template are there, or will be as soon as this plan is carried out."""
    if item.workload is None:
        return False
    return item.workload.rolling or item.workload.digest != item.template.digest


def _broken(deployment: DeploymentPlan) -> str:
    """Why pods cannot be created or do not stay up, in the words of those who know."""
    for item in deployment.placements:
        if item.workload is not None and item.workload.failure:
            return f"{item.option.pool}: {item.workload.failure}"
        if item.observed is not None and item.observed.failing:
            return f"{item.option.pool}: {'; '.join(item.observed.problems[:2])}"
    return ""


def _waiting(deployment: DeploymentPlan) -> str:
    groups = sum(item.waiting for item in deployment.placements)
    if groups:
        return f"; {groups} wait until whole nodes are free"
    problems = [text for item in deployment.placements if item.observed for text in item.observed.problems]
    if problems:
        return f"; {problems[0]}"
    expected = max((item.option.start_seconds for item in deployment.placements if item.desired), default=0)
    return f"; a start takes about {expected:.0f} s" if expected else ""
