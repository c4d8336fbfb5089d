"""The state of a deployment as conditions: what is true, why, and what to change. Pure.

- Placed: every desired replica has devices.
- Ready: every desired replica of the present spec serves (``ready``). It repeats Placed when devices are missing.
- SloMet and SignalsFresh: the measurements of the last minutes, and whether they can be trusted.
- WithinPolicy: shown, as False, while a TenantPolicy changes the spec or a quota of it is exceeded.
- Held while changes of its pods wait (``held``).
- Reconciling or Stalled while Ready is not True, as kstatus defines them: GitOps tools wait for the one and fail on the other.

Conditions follow from the plan. A stored one is read only where the plan knows nothing better: before the first measurement
after a restart, and for the scheduler's message about a group, which changes with every try. So a restart writes nothing, and
messages have no value that changes while the deployment does not: each change is a write. ``render_conditions`` adds the times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelmatrix.api.conditions import (
    FALSE,
    PLACED,
    RECONCILING,
    SIGNALS_FRESH,
    SLO_MET,
    STALLED,
    TRUE,
    UNKNOWN,
    WITHIN_POLICY,
    ConditionState,
    find_condition,
)
from modelmatrix.api.reasons import TABLE, Reason, reason_of
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.snapshot.snapshot import MeasuredSlo, Snapshot
from modelmatrix.planning.snapshot.views import PolicyNote
from modelmatrix.planning.status.capacity_messages import displaced_message, missing_message, refused_group
from modelmatrix.planning.status.held import held_hold, held_states, next_rollout_message
from modelmatrix.planning.status.problems import PoolProblem, pool_problems
from modelmatrix.planning.status.ready import ready_state
from modelmatrix.planning.status.slo import is_slo_met
from modelmatrix.planning.status.warnings import caveats

_GOOD_SIGNALS = (Reason.SIGNALS_FRESH, Reason.NO_TRAFFIC)


def condition_states(deployment: DeploymentPlan, snapshot: Snapshot) -> list[ConditionState]:
    """All conditions, without their times."""
    placed = _placed(deployment)
    problems = pool_problems(deployment, snapshot)
    ready = ready_state(deployment, placed, problems)
    measured = snapshot.measured.get(deployment.key)
    fresh = _signals_fresh(deployment, measured, has_gateway=snapshot.settings.gateway_metric)
    return [
        *(ready, placed, _slo_met(deployment, measured), fresh),
        *_within_policy(deployment),
        *held_states(deployment),
        *_progress(deployment, ready, problems),
    ]


def _within_policy(deployment: DeploymentPlan) -> Iterator[ConditionState]:
    """What TenantPolicies change in the spec, or that the tenant is over a quota; shown only while there is something."""
    notes, quota = list(deployment.view.notes), deployment.exceeded
    if quota is not None:
        message = (
            f"{quota.description} and its namespaces have more: what serves stays, and no replica is added; lower what they "
            f"use, or have an admin raise spec.devices[{quota.position}].max"
        )
        notes.append(PolicyNote(Reason.TENANT_QUOTA_EXCEEDED, message))
    if notes:
        yield ConditionState(WITHIN_POLICY, FALSE, notes[0].reason, ". ".join(note.message for note in notes))


def _placed(deployment: DeploymentPlan) -> ConditionState:
    desired = deployment.desired
    if desired is None:
        return ConditionState(PLACED, FALSE, Reason.MISCONFIGURED, deployment.error)
    if desired.replicas == 0:
        return ConditionState(PLACED, TRUE, desired.reason, desired.message)
    if not deployment.fitting:
        return _fits_nowhere(deployment)
    return _short(deployment) or _all_placed(deployment)


def _short(deployment: DeploymentPlan) -> ConditionState | None:
    if not deployment.shortage:
        return None
    hold = held_hold(deployment)
    if hold is not None and hold.reason is Reason.PAUSED:
        missing = (
            f"{deployment.shortage} of {deployment.desired_replicas} replicas have no devices, and none are taken for them"
        )
        return ConditionState(PLACED, FALSE, Reason.PAUSED, f"{missing}: {hold.message}")
    if deployment.refused and not deployment.preempted_by:
        stored = _as_stored(deployment, PLACED)
        if stored.reason in (Reason.UNSCHEDULABLE, Reason.PODS_MISSING):
            return stored
        return ConditionState(PLACED, FALSE, *refused_group(deployment))
    if deployment.displaced_by:
        return ConditionState(PLACED, FALSE, Reason.DISPLACED, displaced_message(deployment))
    full = [option.pool for option in deployment.fitting if not deployment.free_replicas_by_pool.get(option.pool)]
    by_quota = bool(full) and all(pool in deployment.quotas for pool in full)
    reason = Reason.TENANT_QUOTA_EXCEEDED if by_quota else Reason.INSUFFICIENT_DEVICES
    return ConditionState(PLACED, FALSE, reason, missing_message(deployment))


def _all_placed(deployment: DeploymentPlan) -> ConditionState:
    where = (f"{p.desired} on {p.option.pool} as {p.option.message}" for p in deployment.placements if p.desired)
    waiting = next_rollout_message(deployment)
    return ConditionState(
        PLACED,
        TRUE,
        Reason.PLACED,
        "; ".join(filter(None, [*where, waiting, *(caveat.message for caveat in caveats(deployment))])),
    )


def _fits_nowhere(deployment: DeploymentPlan) -> ConditionState:
    """No pool can run the model: the reason of the preferred pool, the messages of all."""
    options = deployment.options
    message = ". ".join(f"{option.pool}: {option.message}" for option in options[:3])
    return ConditionState(PLACED, FALSE, options[0].reason, message)


def _slo_met(deployment: DeploymentPlan, measured: MeasuredSlo | None) -> ConditionState:
    spec = deployment.spec
    if spec is None or spec.slo is None:
        return ConditionState(SLO_MET, UNKNOWN, Reason.NO_SLO, "spec.slo is not set")
    if measured is None:
        return _as_stored(deployment, SLO_MET)
    if measured.attainment_percent is None:
        return ConditionState(SLO_MET, UNKNOWN, measured.reason, measured.message)
    met = is_slo_met(spec.slo, measured.attainment_percent)
    reason = Reason.SLO_MET if met else Reason.SLO_MISSED
    target = f"target {spec.slo.percentile} %"
    bound = f"; {measured.bound_message}" if measured.bound_message else ""
    comparison = "at or above its target" if met else "below its target"
    return ConditionState(
        SLO_MET, TRUE if met else FALSE, reason, f"the share of requests within the SLO is {comparison} ({target}){bound}"
    )


def _signals_fresh(deployment: DeploymentPlan, measured: MeasuredSlo | None, *, has_gateway: bool) -> ConditionState:
    if deployment.desired_replicas == 0 and deployment.desired is not None:
        return _asleep(deployment, measured, has_gateway=has_gateway)
    spec = deployment.spec
    if spec is not None and spec.slo is None and spec.scaling is None:
        return ConditionState(SIGNALS_FRESH, UNKNOWN, Reason.NO_SLO, "neither slo nor scaling is set: nothing is measured")
    if measured is None:
        return _as_stored(deployment, SIGNALS_FRESH)
    fresh = measured.reason in _GOOD_SIGNALS
    return ConditionState(SIGNALS_FRESH, TRUE if fresh else FALSE, measured.reason, measured.message)


def _asleep(deployment: DeploymentPlan, measured: MeasuredSlo | None, *, has_gateway: bool) -> ConditionState:
    """Without replicas no engine reports anything: a schedule or a gateway must wake the deployment."""
    spec = deployment.spec
    scaling = None if spec is None or spec.suspend else spec.scaling
    if scaling is None:
        return ConditionState(SIGNALS_FRESH, TRUE, Reason.SCALED_TO_ZERO, "no replica, no signals")
    if not has_gateway and not any(window.min_replicas for window in scaling.schedule):
        message = (
            "nothing wakes it: set minReplicas to 1, add a schedule window with a floor, or set the operator's gateway-query"
        )
        return ConditionState(SIGNALS_FRESH, FALSE, Reason.NO_WAKE_SIGNAL, message)
    if has_gateway and measured is not None and measured.reason is Reason.PROMETHEUS_UNAVAILABLE:
        return ConditionState(
            SIGNALS_FRESH, FALSE, measured.reason, f"the gateway's requests are not known: {measured.message}"
        )
    return ConditionState(SIGNALS_FRESH, TRUE, Reason.SCALED_TO_ZERO, "no replica, no signals")


def _as_stored(deployment: DeploymentPlan, type_: str) -> ConditionState:
    """The condition as it is stored: an operator that has just started has measured nothing yet."""
    stored = find_condition(deployment.view.status, type_)
    reason = reason_of(stored["reason"]) if stored else None
    if stored is None or reason is None:
        return ConditionState(type_, UNKNOWN, Reason.SIGNALS_MISSING, "nothing was measured yet")
    return ConditionState(type_, stored["status"], reason, stored["message"])


def _progress(deployment: DeploymentPlan, ready: ConditionState, problems: Sequence[PoolProblem]) -> Iterator[ConditionState]:
    """kstatus: Stalled when nothing but an edit helps, Reconciling while time or devices may help."""
    if ready.status == TRUE:
        return
    stalled = not deployment.fitting or deployment.desired is None
    if deployment.failure is not None:
        stalled = stalled or deployment.failure.reason is Reason.NAME_CONFLICT
    elif problems and ready.reason is problems[0].problem.reason:
        stalled = stalled or problems[0].is_stalled
    hold = held_hold(deployment)
    if hold is not None and ready.reason is hold.reason:
        stalled = TABLE[hold.reason].needs_person
    kind = STALLED if stalled else RECONCILING
    yield ConditionState(kind, TRUE, ready.reason, ready.message)
