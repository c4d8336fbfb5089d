"""Ready: whether a deployment serves its present spec; if not, what it waits for, fails at, or rolls out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from modelmatrix.api.conditions import FALSE, READY, TRUE, ConditionState
from modelmatrix.api.reasons import TABLE, Reason
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan, PoolPlacement
from modelmatrix.planning.status.held import held_hold
from modelmatrix.planning.status.problems import PoolProblem, passing_words

POOLS_SHOWN = 3


def ready_state(deployment: DeploymentPlan, placed: ConditionState, problems: Sequence[PoolProblem] = ()) -> ConditionState:
    """The Ready condition; ``problems`` are those of its pools, the worst first.

    While replicas of an older spec serve, it is False: the present spec does not serve yet.
    """
    desired = deployment.desired
    if deployment.failure is not None:
        return ConditionState(READY, FALSE, deployment.failure.reason, deployment.failure.message)
    if placed.status == FALSE:
        return ConditionState(READY, FALSE, placed.reason, ". ".join([placed.message, *_words(problems)]))
    if desired is not None and desired.replicas == 0:
        return ConditionState(READY, TRUE, desired.reason, desired.message)
    return _serving(deployment, problems)


def _serving(deployment: DeploymentPlan, problems: Sequence[PoolProblem]) -> ConditionState:
    rolling = [placement for placement in deployment.placements if placement.is_rolling]
    new = sum(placement.ready for placement in deployment.placements)
    serve = f"{deployment.ready} of {deployment.desired_replicas} replicas serve"
    hold = held_hold(deployment)
    if new >= deployment.desired_replicas and not rolling and (hold is None or not hold.is_own):
        return ConditionState(READY, TRUE, Reason.REPLICAS_READY, serve)
    if hold is not None and (hold.is_own or hold.reason is Reason.PAUSED):
        return ConditionState(READY, FALSE, hold.reason, f"{serve}. {hold.message}. {TABLE[hold.reason].remedy}")
    serve += ", older ones among them" if deployment.ready > new or any(map(_has_old_ones, rolling)) else ""
    serve += _cause(rolling)
    if not problems:
        return ConditionState(READY, FALSE, Reason.REPLICA_STARTING, f"{serve}{_waiting(deployment)}")
    reason = problems[0].problem.reason
    message = ". ".join([serve, *_words(problems), TABLE[reason].remedy])
    return ConditionState(READY, FALSE, reason, message)


def _words(problems: Sequence[PoolProblem]) -> list[str]:
    return [problem.words for problem in problems[:POOLS_SHOWN]]


def _has_old_ones(placement: PoolPlacement) -> bool:
    """Whether replicas of an older template serve: the template is not applied yet, or the leaders come from several."""
    observed = placement.observed
    if not placement.ready or observed is None:
        return False
    return not placement.is_current or (placement.is_outdated and (observed.mixed or bool(placement.change_cause)))


def _cause(rolling: Iterable[PoolPlacement]) -> str:
    cause = next((placement.change_cause for placement in rolling if placement.change_cause), "")
    return f"; rolling out: {cause} differs" if cause else ""


def _waiting(deployment: DeploymentPlan) -> str:
    groups = sum(placement.waiting for placement in deployment.placements)
    if groups:
        return f"; {groups} wait until whole nodes are free"
    words = passing_words(deployment)
    if words:
        return f"; {words}"
    expected = max((placement.option.start_seconds for placement in deployment.placements if placement.desired), default=0)
    return f"; a start takes about {expected:.0f} s" if expected else ""
