"""Retiring workloads whose replicas give their devices to new ones before those serve: one at a time in each pool. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from modelmatrix.planning.disruption.budget import Budget
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan, RetiringWorkload
from modelmatrix.planning.snapshot.views import Component, NamespacedName


def give_way(deployments: Mapping[NamespacedName, DeploymentPlan], budget: Budget) -> dict[NamespacedName, int]:
    """The replicas of retiring workloads that must stay for now, by workload; the lowest priority goes first."""
    starting = Counter(pool for deployment in deployments.values() for pool in _replacing(deployment))
    retained = {}
    for deployment, retiring in sorted(_candidates(deployments), key=lambda pair: _rank(pair[0])):
        pool = retiring.workload.pool
        paused = deployment.view.paused or (pool in deployment.pools and deployment.pools[pool].view.paused)
        busy = budget.busy.get(pool, 0) or starting[pool] or deployment.key in budget.in_place
        if paused or (retiring.gives_way and busy):
            retained[retiring.workload.key] = retiring.workload.replicas
        elif retiring.gives_way:
            budget.occupy(pool, deployment.key)
    return retained


def _replacing(deployment: DeploymentPlan) -> Iterator[str]:
    """Pools on which old replicas drain, or new ones start without a problem: those may have taken the place of old ones.

    Once the old workload is gone, nothing tells its successor from a new deployment; waiting for both is right.
    """
    for retiring in deployment.retiring:
        observed = retiring.observed
        if retiring.workload.deleting or observed.draining or observed.existing > retiring.workload.replicas:
            yield retiring.workload.pool
    for placement in deployment.placements:
        fails = placement.observed is not None and any(
            problem.component is not Component.SCHEDULER for problem in placement.observed.problems
        )
        if placement.placed > placement.ready and not fails:
            yield placement.option.pool


def _candidates(
    deployments: Mapping[NamespacedName, DeploymentPlan],
) -> Iterator[tuple[DeploymentPlan, RetiringWorkload]]:
    for deployment in deployments.values():
        for retiring in deployment.retiring:
            if not retiring.workload.deleting:
                yield deployment, retiring


def _rank(deployment: DeploymentPlan) -> tuple[int, NamespacedName]:
    return (-(deployment.spec.priority.rank if deployment.spec else 0), deployment.key)
