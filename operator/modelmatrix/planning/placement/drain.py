"""Draining: how many replicas of a retired workload stay until new ones serve. Pure.

A workload is retired when no option of the spec stands for it any more: another format, engine or layout, or a pool that was
removed. Its replicas go as new ones serve. Where the new ones lack the devices that the old ones hold, the old ones give way
one at a time, the next when every new one serves, so that as many as possible keep serving.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelmatrix.planning.placement.allocation import AllocationState, DeploymentAllocation, shape_of
from modelmatrix.planning.placement.fleet import DeploymentInputs, Fleet
from modelmatrix.planning.snapshot.views import WorkloadView


def drain_schedule(
    inputs: DeploymentInputs, allocation: DeploymentAllocation, fleet: Fleet, state: AllocationState, *, ready_new: int
) -> Iterator[tuple[WorkloadView, int, bool]]:
    """Retired workloads with the number of replicas that stay. ``ready_new`` replicas of current workloads serve.

    The last value says whether one of the others gives way to a new one that does not serve yet.
    """
    desired = inputs.desired
    if desired is None or (not inputs.fitting and desired.replicas):
        yield from ((workload, _without_stuck(workload, fleet), False) for workload in inputs.retired)
        return  # nothing can replace them: what serves goes on serving
    needed = max(0, desired.replicas - ready_new)
    all_serve = allocation.shortage and ready_new >= allocation.placed
    blocking = _blocking_pools(inputs, allocation, state) if all_serve else frozenset()
    for workload in inputs.retired:
        observed = fleet.replicas[workload.key]
        retained = min(workload.replicas, needed)
        replicas = observed.replicas_to_retain(retained, workload)
        is_whole = replicas == workload.replicas > 0 and not observed.draining and observed.existing <= workload.replicas
        gives_way = is_whole and workload.pool in blocking
        if gives_way:
            retained, replicas, blocking = retained - 1, replicas - 1, frozenset()
        needed = max(0, needed - max(retained, observed.ready if retained else 0))
        yield workload, replicas, gives_way


def _without_stuck(workload: WorkloadView, fleet: Fleet) -> int:
    """Replicas of a workload without the groups that hold nodes in vain."""
    return workload.replicas - len(fleet.held(workload).stuck)


def _blocking_pools(inputs: DeploymentInputs, allocation: DeploymentAllocation, state: AllocationState) -> frozenset[str]:
    """Pools on which a new replica would find devices if the old ones were gone, and no quota would refuse it."""
    retired = state.demands[inputs.key].retired
    return frozenset(
        option.pool
        for option in inputs.fitting
        if allocation.quota_against(option) is None
        and state.bins[option.pool].would_fit(shape_of(option), retired.get(option.pool, {}))
    )
