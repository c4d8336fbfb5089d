"""Which deployments have the devices of missing replicas. Pure.

A plan that preempts replicas knows who gets their devices. The plans after it find replicas missing and nothing to preempt,
so the status remembers: ``displacedBy`` of the last status is read here and nowhere else. A remembered deployment counts
while it runs, with a higher priority, on a pool that the displaced one could use. Counts never exceed what is missing now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelmatrix.planning.placement.allocation import AllocationState, ReplicaDemand
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.planning.tenancy.visibility import TenantNames

MAX_DEPLOYMENTS = 16  # of the status field


def displaced_by(state: AllocationState, key: NamespacedName, names: TenantNames) -> dict[NamespacedName, int]:
    """Missing replicas by the deployment that has their devices; empty when no replica is missing."""
    demand, allocation = state.demands.get(key), state.allocations.get(key)
    if demand is None or allocation is None or not allocation.shortage:
        return {}
    counts = dict(allocation.preempted_by)
    for other, replicas in _remembered(demand.view.status, names):
        if _has_devices(state, other, demand):
            counts[other] = max(replicas, counts.get(other, 0))  # a plan repeats what the last one began
    return _limited(counts, allocation.shortage)


def _remembered(status: Mapping[str, Any], names: TenantNames) -> Iterator[tuple[NamespacedName, int]]:
    for entry in status.get("displacedBy", ()):
        key = names.resolve(NamespacedName(entry["namespace"], entry["name"]))
        if key is not None:
            yield key, entry["replicas"]


def _has_devices(state: AllocationState, other: NamespacedName, displaced: ReplicaDemand) -> bool:
    demand = state.demands.get(other)
    if demand is None or demand.priority_rank >= displaced.priority_rank:
        return False
    return any(state.allocations[other].replicas(option.pool) for option in displaced.fitting)


def _limited(counts: Mapping[NamespacedName, int], missing: int) -> dict[NamespacedName, int]:
    """The largest counts, as far as they explain what is missing."""
    limited = {}
    for key, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_DEPLOYMENTS]:
        limited[key] = min(count, missing)
        missing -= limited[key]
    return {key: count for key, count in sorted(limited.items()) if count}
