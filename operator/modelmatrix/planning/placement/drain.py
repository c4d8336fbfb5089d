"""Workloads that no option of the spec stands for any more: how many of their replicas stay until new ones serve. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from modelmatrix.planning.placement.allocation import AllocationState, DeploymentAllocation, shape_of
from modelmatrix.planning.placement.fleet import DeploymentInputs, Fleet
from modelmatrix.planning.snapshot.views import WorkloadView


def drain_schedule(
    inputs: DeploymentInputs, assignment: DeploymentAllocation, fleet: Fleet, table: AllocationState, *, ready_new: int
) -> Iterator[tuple[WorkloadView, int]]:
    """Retired workloads with the replicas that they keep.

    They shrink as new replicas serve (``ready_new`` do). Where the new ones lack devices that the old ones hold, the old
    ones give way one at a time, the next when every new one serves, so that as many as possible keep serving.
    """
    desired = inputs.desired
    if desired is None or (not inputs.fitting and desired.replicas):
        yield from ((workload, _in_use(workload, fleet)) for workload in inputs.retired)
        return  # nothing can replace them: what serves goes on serving
    needed = max(0, desired.replicas - ready_new)
    served = assignment.shortage and ready_new >= assignment.placed
    in_the_way = _in_the_way(inputs, table) if served else frozenset()
    for workload in inputs.retired:
        replicas = fleet.replicas[workload.key]
        keep = min(workload.replicas, needed)
        told = replicas.replicas_to_retain(keep, workload)
        if workload.pool in in_the_way and told == workload.replicas > 0 and not replicas.draining:
            keep, told, in_the_way = keep - 1, told - 1, frozenset()
        needed = max(0, needed - max(keep, replicas.ready if keep else 0))
        yield workload, told


def _in_use(workload: WorkloadView, fleet: Fleet) -> int:
    """Replicas of a workload without the groups that hold nodes in vain."""
    return workload.replicas - len(fleet.held(workload).stuck)


def _in_the_way(inputs: DeploymentInputs, table: AllocationState) -> frozenset[str]:
    """Pools on which a new replica would find room if the old ones were gone."""
    retired = table.demands[inputs.key].retired
    return frozenset(
        option.pool
        for option in inputs.fitting
        if table.packing[option.pool].would_fit(shape_of(option), retired.get(option.pool, {}))
    )
