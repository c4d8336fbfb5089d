"""Changes that wait: why, on which pool, and whether the deployment's own spec is what does not serve yet. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from modelmatrix.api import names
from modelmatrix.api.conditions import HELD, TRUE, ConditionState
from modelmatrix.api.reasons import TABLE, Reason
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.placement.template_choice import Hold

_WORST_FIRST = (Reason.PAUSED, Reason.ROLLED_BACK, Reason.ROLLOUT_HALTED, Reason.ROLLOUT_QUEUED)


def held_hold(deployment: DeploymentPlan) -> Hold | None:
    """The reason why changes of the deployment wait, the gravest one; ``None`` when none waits."""
    if deployment.view.paused:
        return Hold(Reason.PAUSED, f"the annotation {names.ANNOTATION_PAUSED} pauses the deployment")
    holds = [
        Hold(hold.reason, f"{placement.option.pool}: {hold.message}", hold.is_own)
        for placement in deployment.placements
        if (hold := placement.hold) is not None
    ]
    return min([*holds, *_paused_pools(deployment)], key=lambda hold: _WORST_FIRST.index(hold.reason), default=None)


def held_states(deployment: DeploymentPlan) -> Iterator[ConditionState]:
    """The Held condition while something waits."""
    hold = held_hold(deployment)
    if hold is not None:
        yield ConditionState(HELD, TRUE, hold.reason, f"{hold.message}. {TABLE[hold.reason].remedy}")


def next_rollout_message(deployment: DeploymentPlan) -> str:
    """What of the running pods changes with the next rollout and not before; empty for nothing."""
    fields = list(dict.fromkeys(field for placement in deployment.placements for field in placement.waiting_fields))
    if not fields:
        return ""
    words = fields[0] if len(fields) == 1 else f"{', '.join(fields[:-1])} and {fields[-1]}"
    return f"{words} of running pods change{'' if len(fields) > 1 or words == 'tolerations' else 's'} with the next rollout"


def _paused_pools(deployment: DeploymentPlan) -> Iterator[Hold]:
    """Paused pools on which replicas are missing: there is no workload yet that would say so."""
    if not deployment.shortage:
        return
    for option in deployment.fitting:
        if deployment.pools[option.pool].view.paused:
            yield Hold(Reason.PAUSED, f"the annotation {names.ANNOTATION_PAUSED} pauses pool {option.pool}")
