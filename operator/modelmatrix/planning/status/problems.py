"""What keeps the replicas of a deployment from serving, pool by pool: who says so, whether only a person helps. Pure.

A problem that often passes by itself within a moment (a pod that waits for devices which another one just leaves) is named only
when it has lasted; one that nobody has reported is a start that takes longer than the longest that is expected.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelmatrix.api.reasons import TABLE, Reason
from modelmatrix.planning.desired.schedule import default_lead_seconds, longest_start_seconds
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan, PoolPlacement
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import Component, PodProblem

PATIENCE_SECONDS = 60.0
WORDS_MAX_LENGTH = 400
_OFTEN_PASSES = (Reason.UNSCHEDULABLE, Reason.SCHEDULING_GATED, Reason.POD_NOT_PREPARED)


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
    found = [
        problem
        for placement in deployment.placements
        if (problem := _pool_problem(placement, snapshot, longest_seconds)) is not None
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


def _pool_problem(placement: PoolPlacement, snapshot: Snapshot, longest_seconds: float) -> PoolProblem | None:
    if placement.ready >= placement.desired and not placement.is_rolling:
        return None
    reported = [problem for problem in _reported(placement) if _has_lasted(problem, snapshot)]
    if reported:
        stalled = any(TABLE[p.reason].needs_person and _is_old(p, snapshot) for p in reported)
        return PoolProblem(placement.option.pool, reported[0], stalled)
    started = placement.observed.starting_seconds if placement.observed else None
    if started is None or snapshot.age_seconds(started) <= longest_seconds:
        return None
    words = f"a replica is not ready after {longest_seconds:.0f} s, longer than a start takes"
    return PoolProblem(
        placement.option.pool, PodProblem(Reason.START_OVERDUE, Component.CONTAINER, words, started), is_stalled=False
    )


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


def _has_lasted(problem: PodProblem, snapshot: Snapshot) -> bool:
    return problem.reason not in _OFTEN_PASSES or _is_old(problem, snapshot)


def _is_old(problem: PodProblem, snapshot: Snapshot) -> bool:
    return snapshot.wall_seconds - problem.since_seconds > PATIENCE_SECONDS
