"""The gate: which changes of pods go on now, and which wait, over the whole fleet. Pure.

A change needs new pods when the desired template differs from the stored one (``rendering.pod_templates``). It is an edit of
the deployment itself; or it comes from a pool, a profile or the catalogue and changes many workloads: then it is called shared.

1. What is paused is not touched.
2. A rollout that is on goes on. One of whose new pods none has served, and which fails, goes back to the template that served
   before, if it comes from a shared change or if it took the old replicas away. What went back is not tried again.
3. Other changes follow in the order of priority, the lowest first. A shared change whose cause fails elsewhere is halted. The
   first one of a cause goes alone, until it serves; then at most ``PlanSettings.max_rollouts`` at once.
4. A change surges where a replica more finds devices that no other rollout takes. Else it replaces replicas in place: one at a
   time in each pool, and in each deployment. A workload none of whose replicas serves has nothing to lose and waits for nobody.

What waits keeps its stored template and is still scaled. All state is in the objects (``history``): a restart changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from modelmatrix.api import names
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.disruption.budget import Budget
from modelmatrix.planning.disruption.choices import begin, begin_with_stored_image, current, frozen, go_back, keep
from modelmatrix.planning.disruption.retiring import give_way
from modelmatrix.planning.disruption.rollout import Cause, Rollout, rollout_of
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan, PoolPlacement
from modelmatrix.planning.placement.template_choice import Hold, TemplateChoice
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import NamespacedName

Choices = dict[NamespacedName, TemplateChoice]  # by workload


def pass_gate(
    deployments: Mapping[NamespacedName, DeploymentPlan], pools: Mapping[str, PoolState], snapshot: Snapshot
) -> dict[NamespacedName, DeploymentPlan]:
    """The deployments, with a template for each workload and the replicas of retiring ones that may go now.

    ``pools`` are those after placement: what is free in them, no replica needs.
    """
    rollouts = list(_rollouts(deployments.values(), snapshot.wall_seconds))
    budget = Budget(pools, snapshot.settings.max_rollouts)
    choices = _decide(rollouts, budget)
    retained = give_way(deployments, budget)
    return {key: _with(deployment, choices, retained) for key, deployment in deployments.items()}


def changes(deployments: Iterable[DeploymentPlan]) -> list[Rollout]:
    """Workloads whose pods must be replaced, in the order in which the gate lets them go."""
    wanted = (rollout for rollout in _rollouts(deployments, now_seconds=0.0) if rollout.is_wanted)
    return sorted(wanted, key=lambda rollout: rollout.rank)


def _rollouts(deployments: Iterable[DeploymentPlan], now_seconds: float) -> Iterator[Rollout]:
    for deployment in deployments:
        for placement in deployment.placements:
            rollout = rollout_of(deployment, placement, now_seconds)
            if rollout is not None:
                yield rollout


def _decide(rollouts: list[Rollout], budget: Budget) -> Choices:
    budget.take_running(rollout for rollout in rollouts if rollout.is_on)
    failing, proven = _failing(rollouts), _proven(rollouts)
    choices = {}
    for rollout in sorted(rollouts, key=lambda rollout: rollout.rank):
        pause = _pause(rollout)
        if pause is not None:
            choices[rollout.workload.key] = frozen(rollout, pause)
        elif rollout.is_wanted:
            choices[rollout.workload.key] = _change(rollout, budget, failing, proven)
        elif _must_go_back(rollout):
            choices[rollout.workload.key] = go_back(rollout)
        else:
            choices[rollout.workload.key] = current(rollout, surge=_strategy(rollout, budget))
    return choices


def _pause(rollout: Rollout) -> Hold | None:
    pool = rollout.deployment.pools[rollout.pool]
    if rollout.deployment.view.paused:
        return Hold(Reason.PAUSED, f"the annotation {names.ANNOTATION_PAUSED} pauses the deployment")
    if pool.view.paused:
        return Hold(Reason.PAUSED, f"the annotation {names.ANNOTATION_PAUSED} pauses pool {pool.name}")
    return None


def _failing(rollouts: Iterable[Rollout]) -> dict[Cause, NamespacedName]:
    """Causes of shared changes that fail, each with the first deployment in which it does."""
    failing: dict[Cause, NamespacedName] = {}
    for rollout in sorted(rollouts, key=lambda rollout: rollout.rank):
        if rollout.was_taken_back and (not rollout.is_own or rollout.cause.key[0] == "image"):
            failing.setdefault(rollout.cause, rollout.key)
        elif rollout.is_on and not rollout.on_own and not rollout.is_going_back and rollout.problem is not None:
            failing.setdefault(rollout.on_cause, rollout.key)
    return failing


def _proven(rollouts: Iterable[Rollout]) -> set[tuple[str, ...]]:
    """Images, and engines on pools, with which some deployment serves the desired template."""
    proven: set[tuple[str, ...]] = set()
    for rollout in rollouts:
        if not rollout.is_wanted and not rollout.is_on and rollout.placement.ready:
            proven.add(("image", rollout.placement.target.image))
            proven.add(("pool", rollout.pool, rollout.placement.option.engine))
    return proven


def _must_go_back(rollout: Rollout) -> bool:
    """Whether the rollout that is on fails, and nothing of the new template has served.

    An own edit beside which the old replicas serve on stays: its author sees what fails.
    """
    if not rollout.is_on or rollout.is_going_back or rollout.problem is None or rollout.has_served:
        return False
    return not rollout.on_own or not rollout.surges


def _strategy(rollout: Rollout, budget: Budget) -> bool:
    """The stored update strategy, unless the surge replica finds no devices and the old ones may give theirs."""
    return rollout.surges and not (rollout.is_stuck and budget.turn_in_place(rollout))


def _change(
    rollout: Rollout, budget: Budget, failing: Mapping[Cause, NamespacedName], proven: set[tuple[str, ...]]
) -> TemplateChoice:
    hold = _taken_back(rollout) or _halted(rollout, failing)
    start = begin_with_stored_image if _has_failing_image(rollout, failing) else begin
    if hold is None and not rollout.placement.ready:
        return start(rollout, surge=rollout.placement.surge)
    if hold is None and rollout.is_on:  # it takes its part of the budget already
        return start(rollout, surge=rollout.placement.surge and rollout.surges)
    hold = hold or _queued(rollout, budget, proven)
    if hold is not None:
        return keep(rollout, hold)
    surge = budget.take_room(rollout)
    if not surge and not budget.may_replace_in_place(rollout):
        message = f"pool {rollout.pool} has no room for a surge replica, so rollouts there go one after another; this one waits"
        return keep(rollout, Hold(Reason.ROLLOUT_QUEUED, message, rollout.is_own))
    budget.take(rollout, surge=surge)
    return start(rollout, surge=surge)


def _has_failing_image(rollout: Rollout, failing: Mapping[Cause, NamespacedName]) -> bool:
    """Whether an edit of the deployment would bring along an image that fails."""
    return rollout.is_own and rollout.cause.key[0] == "image" and rollout.cause in failing


def _taken_back(rollout: Rollout) -> Hold | None:
    if not rollout.was_taken_back or rollout.failed is None:
        return None
    if rollout.is_own and rollout.failed.digest != rollout.placement.template.rollout_digest:
        return None
    message = f"no replica of the new template served, so the one that served before is back: {rollout.failed.message}"
    return Hold(Reason.ROLLED_BACK, message, rollout.is_own)


def _halted(rollout: Rollout, failing: Mapping[Cause, NamespacedName]) -> Hold | None:
    first = failing.get(rollout.cause)
    if rollout.is_own or first is None or first == rollout.key:
        return None
    same = "to the same image" if rollout.cause.key[0] == "image" else f"of the same change of pool {rollout.pool}"
    return Hold(Reason.ROLLOUT_HALTED, f"the rollout of {first} {same} fails; the template that serves stays")


def _queued(rollout: Rollout, budget: Budget, proven: set[tuple[str, ...]]) -> Hold | None:
    if rollout.is_own:
        return None
    if rollout.cause in budget.causes and rollout.cause.key not in proven:
        return Hold(Reason.ROLLOUT_QUEUED, f"the first rollout {rollout.cause} has to serve before the others begin")
    if not budget.may_begin_shared():
        return Hold(Reason.ROLLOUT_QUEUED, f"{budget.max_rollouts} rollouts at once are the bound of the fleet; this one waits")
    return None


def _with(deployment: DeploymentPlan, choices: Choices, retained: Mapping[NamespacedName, int]) -> DeploymentPlan:
    placements = tuple(
        _chosen(placement, choices[placement.workload.key])
        if placement.workload and placement.workload.key in choices
        else placement
        for placement in deployment.placements
    )
    retiring = tuple(replace(item, replicas=retained.get(item.workload.key, item.replicas)) for item in deployment.retiring)
    return replace(deployment, placements=placements, retiring=retiring)


def _chosen(placement: PoolPlacement, choice: TemplateChoice) -> PoolPlacement:
    """The placement with its template. While replicas are replaced in place, those that find no devices are left out.

    A controller counts them as unavailable, so it would take no old replica away for a new one, for ever.
    """
    in_place = names.ANNOTATION_SERVED in choice.annotations and not choice.surge and not choice.frozen
    if not in_place or placement.option.nodes > 1 or not placement.replicas:
        return replace(placement, choice=choice)
    return replace(placement, choice=choice, replicas=min(placement.replicas, max(1, placement.placed - placement.waiting)))
