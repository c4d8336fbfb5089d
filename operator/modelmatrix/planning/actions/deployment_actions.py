"""The actions that bring one deployment's objects to its plan. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from modelmatrix.api import names
from modelmatrix.planning.actions.action import Action, SetDeletionCost
from modelmatrix.planning.actions.diff import IntactChecks, retired_actions, service_actions, workload_actions
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan, PoolPlacement


def deployment_actions(deployment: DeploymentPlan, checks: IntactChecks) -> Iterator[Action]:
    """Service, workloads, deletion costs and retiring workloads; nothing while the desired number is not known."""
    desired = deployment.desired
    if desired is None:
        return
    if deployment.fitting and (deployment.placements or desired.replicas):
        yield from service_actions(deployment.service_template, deployment.key, deployment.service, checks)
    for placement in deployment.placements:
        yield from workload_actions(placement, deployment.key, checks, is_stuck=_is_rollout_stuck(placement))
    yield from _marks(deployment)
    for retiring in deployment.retiring:
        yield from retired_actions(retiring.workload, deployment.key, retiring.replicas)


def _marks(deployment: DeploymentPlan) -> Iterator[Action]:
    """Evicted pods are marked, so that their ReplicaSet removes these; groups go by number, and no mark changes that."""
    single = {placement.option.pool for placement in deployment.placements if placement.option.nodes == 1}
    for evicted in deployment.evicted:
        replica = evicted.replica
        if evicted.pool in single and replica.leader is not None and not replica.marked:
            yield SetDeletionCost(names.PODS, replica.leader, deployment.key, replica.uid)


def _is_rollout_stuck(placement: PoolPlacement) -> bool:
    """Whether a surge replica waits for devices that are not there: more pods than replicas, and one has no node."""
    workload, observed = placement.workload, placement.observed
    if workload is None or observed is None or not workload.rolling:
        return False
    return observed.existing > workload.replicas and not placement.surge and any(not r.bound for r in observed.replicas)
