"""What keeps the replicas of a deployment from serving, pool by pool: who says so, whether only a person helps. Pure.

A problem that often passes by itself within a moment (a pod that waits for devices which another one just leaves) is named only
when it has lasted; one that nobody has reported is a start that takes longer than the longest that is expected.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from modelmatrix.api.conditions import FALSE, READY, find_condition, parse_timestamp
from modelmatrix.api.reasons import TABLE, Reason
from modelmatrix.planning.desired.schedule import default_lead_seconds, longest_start_seconds
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan, PoolPlacement
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import Component, PodProblem

PATIENCE_SECONDS = 60.0
WORDS_MAX_LENGTH = 400
_OFTEN_PASSES = (Reason.UNSCHEDULABLE, Reason.SCHEDULING_GATED, Reason.POD_NOT_PREPARED, Reason.PODS_MISSING)


class PoolProblem(NamedTuple):
    """What keeps replicas on a pool from serving; ``is_stalled``: it has lasted, and only a person removes it."""

    pool: str
    problem: PodProblem
    is_stalled: bool

    @property
    def words(self) -> str:
        """The pool with the component's own words."""
        message = self.problem.message
        shown = message if len(message) <= WORDS_MAX_LENGTH else f"{message[: WORDS_MAX_LENGTH - 3]}..."
        return f"{self.pool}: {shown}"


def pool_problems(deployment: DeploymentPlan, snapshot: Snapshot) -> list[PoolProblem]:
    """One problem of each pool whose replicas do not all serve; what only a person removes comes first."""
    longest_seconds = longest_start(deployment, snapshot)
    not_ready_seconds = _not_ready_seconds(deployment)
    found = [
        problem
        for placement in deployment.placements
        if (problem := _pool_problem(placement, snapshot, longest_seconds, not_ready_seconds)) is not None
    ]
    return sorted(found, key=lambda problem: not TABLE[problem.problem.reason].needs_person)


def passing_words(deployment: DeploymentPlan) -> str:
    """The first thing that is reported and may pass by itself; empty without one."""
    reported = (placement.observed.problems for placement in deployment.placements if placement.observed is not None)
    return next((problem.message for problems in reported for problem in problems), "")


def longest_start(deployment: DeploymentPlan, snapshot: Snapshot) -> float:
    """The longest that a start may take, in seconds of model time; what takes longer is overdue."""
    estimates = [placement.option.start_seconds for placement in deployment.placements if placement.desired]
    return default_lead_seconds(longest_start_seconds(snapshot.decisions.get(deployment.key), estimates))


def _pool_problem(
    placement: PoolPlacement, snapshot: Snapshot, longest_seconds: float, not_ready_seconds: float
) -> PoolProblem | None:
    if placement.ready >= placement.desired and not placement.is_rolling:
        return None
    found = [*_reported(placement), *_missing_pods(placement, not_ready_seconds)]
    lasting = [problem for problem in found if _has_lasted(problem, snapshot)] or _overdue(placement, snapshot, longest_seconds)
    if not lasting:
        return None
    stalled = any(TABLE[problem.reason].needs_person and _is_old(problem, snapshot) for problem in lasting)
    return PoolProblem(placement.option.pool, lasting[0], stalled)


def _reported(placement: PoolPlacement) -> Iterator[PodProblem]:
    """From the nearest cause to the widest: no pod, its own words, a pause by hand, a deadline that has passed."""
    workload = placement.workload
    if workload is None:
        return
    if workload.failure is not None:
        yield workload.failure
    yield from placement.observed.problems if placement.observed else ()
    if workload.paused and placement.is_rolling:
        words = f"{workload.kind} {workload.key} is paused (spec.paused)"
        yield PodProblem(Reason.WORKLOAD_PAUSED, Component.CONTROLLER, words)
    if workload.overdue is not None:
        yield workload.overdue


def _missing_pods(placement: PoolPlacement, not_ready_seconds: float) -> Iterator[PodProblem]:
    """The workload has no pods at all, or a group a part of them; why is written into events only."""
    workload, observed = placement.workload, placement.observed
    if workload is None or observed is None or workload.failure is not None:
        return
    name = f"{workload.kind} {workload.key}"
    if workload.replicas and not observed.replicas and not observed.draining:
        since_seconds = max(workload.created_seconds, not_ready_seconds)
        yield PodProblem(Reason.PODS_MISSING, Component.CONTROLLER, f"{name} has no pods", since_seconds)
    elif observed.incomplete_seconds is not None:
        words = f"a group of {name} has only a part of its pods"
        yield PodProblem(Reason.PODS_MISSING, Component.CONTROLLER, words, observed.incomplete_seconds)


def _not_ready_seconds(deployment: DeploymentPlan) -> float:
    """Since when the deployment has not been ready, as it is stored; now, as far as it knows, where it was."""
    stored = find_condition(deployment.view.status, READY)
    if stored is None or stored.get("status") != FALSE:
        return math.inf
    return parse_timestamp(stored.get("lastTransitionTime", ""))


def _overdue(placement: PoolPlacement, snapshot: Snapshot, longest_seconds: float) -> list[PodProblem]:
    started = placement.observed.starting_seconds if placement.observed else None
    if started is None or snapshot.age_seconds(started) <= longest_seconds:
        return []
    words = f"a replica is not ready after {longest_seconds:.0f} s, longer than a start takes"
    return [PodProblem(Reason.START_OVERDUE, Component.CONTAINER, words, started)]


def _has_lasted(problem: PodProblem, snapshot: Snapshot) -> bool:
    return problem.reason not in _OFTEN_PASSES or _is_old(problem, snapshot)


def _is_old(problem: PodProblem, snapshot: Snapshot) -> bool:
    return snapshot.wall_seconds - problem.since_seconds > PATIENCE_SECONDS
