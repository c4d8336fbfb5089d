"""Messages about missing devices: how many a pool lacks, which deployments have them, and what to change. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from modelmatrix.api.reasons import Reason
from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.feasibility.layout_choice import pluralize
from modelmatrix.planning.inventory.pod_compute import CPU_CORES_PER_DEVICE, MEMORY_GIBIBYTES_PER_DEVICE
from modelmatrix.planning.inventory.pool_notes import taint_problems
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.planning.status.problems import passing_words
from modelmatrix.planning.tenancy.quota import Quota

_TRIED_AGAIN = "It is tried again every few minutes"


def shortage_message(option: PoolOption, pool: PoolState) -> str:
    """Why no replica of the option finds devices on the pool, after what the plan hands out, and what to change."""
    unit = pool.accelerator.unit if pool.accelerator else "device"
    limit = pool.limit
    if limit is not None and pool.granted + option.devices > limit:
        return (
            f"a replica needs {option.devices} {unit}s, the pool's limit of {limit} leaves "
            f"{max(0, limit - pool.granted)}; raise spec.limits.devices"
        )
    if pool.spec is not None and pool.nodes and not any(node.known for node in pool.nodes):
        return f"its nodes offer no {pool.spec.resource_name}: check the device plugin and spec.resourceName"
    free = [max(0, node.free) for node in pool.nodes if node.usable]
    if option.nodes > 1:
        return _group_message(option, pool, unit, sum(free))
    scarce = _scarce(option, pool, unit)
    if scarce:
        return scarce
    best = max(free, default=0)
    more = option.devices - best
    return (
        f"a replica needs {option.devices} {unit}s on one node; {sum(free)} are free, {best} on the best "
        f"node{_unhealthy(pool)}; {more} more on that node {'is' if more == 1 else 'are'} enough"
    )


def _group_message(option: PoolOption, pool: PoolState, unit: str, free: int) -> str:
    devices_per_node = option.devices // option.nodes
    whole_nodes = pool.sizes.get(devices_per_node, 0)
    if whole_nodes < option.nodes:
        return (
            f"a replica needs {option.nodes} whole nodes of {devices_per_node} {unit}s, the pool has {whole_nodes}; "
            f"add {option.nodes - whole_nodes}, or make the replica smaller (maxModelLen, quantization, parallelism)"
        )
    whole = sum(1 for node in pool.nodes if node.whole and node.total == devices_per_node)
    scarce = _scarce(option, pool, unit)
    if scarce and not whole:
        return scarce
    return (
        f"a replica needs {option.nodes} whole free nodes of {devices_per_node} {unit}s; "
        f"{whole} {'is' if whole == 1 else 'are'} free, {free} {unit}s are free in all{_unhealthy(pool)}"
    )


def _scarce(option: PoolOption, pool: PoolState, unit: str) -> str:
    """What keeps a replica from a node that has the devices for it; empty where no node has them."""
    per_node = option.devices // option.nodes
    found = [node for node in pool.nodes if node.usable and node.scarce and node.free + node.scarce.devices >= per_node]
    if not found:
        return ""
    best = max(found, key=lambda node: (node.free, node.name))
    return (
        f"a replica needs {pluralize(per_node, unit)}, {CPU_CORES_PER_DEVICE * per_node} CPU cores and "
        f"{MEMORY_GIBIBYTES_PER_DEVICE * per_node} GiB of memory on one node; node {best.name} has the {unit}s, but only "
        f"{best.scarce}: move other pods away from it, or lower their requests"
    )


def _unhealthy(pool: PoolState) -> str:
    """What takes nodes and devices of the pool out of use."""
    down = sum(1 for node in pool.nodes if not (node.ready and node.schedulable))
    unknown = sum(1 for node in pool.nodes if node.ready and node.schedulable and not node.known)
    overdue = sum(len(node.overdue) for node in pool.nodes)
    foreign = sum(holder.devices for node in pool.nodes for holder in node.foreign)
    parts = [f"{pool.unhealthy} unhealthy"] if pool.unhealthy else []
    parts += [f"{pluralize(down, 'node')} cordoned or not ready"] if down else []
    parts += [f"{pluralize(unknown, 'node')} without devices at the moment: check the device plugin"] if unknown else []
    parts += [problem.message for problem in taint_problems(pool.nodes)]
    parts += [f"{pluralize(overdue, 'pod')} that should have ended: the pool's status names them"] if overdue else []
    parts += [f"{foreign} held by pods that are not of this operator"] if foreign else []
    return f", {', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(f", {part}" for part in parts)


def missing_message(deployment: DeploymentPlan) -> str:
    """What is missing over all pools of a deployment."""
    full = [option for option in deployment.fitting if not deployment.free_replicas_by_pool.get(option.pool)]
    reasons = "; ".join(f"{option.pool}: {_missing_on(option, deployment)}" for option in full[:3])
    return f"{deployment.shortage} of {deployment.desired_replicas} replicas find no devices. {reasons}"


def _missing_on(option: PoolOption, deployment: DeploymentPlan) -> str:
    quota = deployment.quotas.get(option.pool)
    return quota_message(option, quota) if quota else shortage_message(option, deployment.pools[option.pool])


def quota_message(option: PoolOption, quota: Quota) -> str:
    """Why a device quota keeps a replica of the option away, and what to change.

    What the tenant's other deployments use stands in the policy's status: here it would change while this one does not.
    """
    needed = pluralize(option.devices, "device")
    return (
        f"a replica needs {needed}, {quota.description} and fewer are left; lower what its namespaces use, or have an admin "
        f"raise spec.devices[{quota.position}].max"
    )


def refused_group(deployment: DeploymentPlan) -> tuple[Reason, str]:
    """That a group is only partly there: its pods were not all made, or the scheduler leaves some unbound, in its words."""
    words = passing_words(deployment)
    observed = (placement.observed for placement in deployment.placements if placement.observed is not None)
    if not words and any(workload.incomplete_seconds is not None for workload in observed):
        cause, remedy = "only a part of a group's pods is made", "read the events of its StatefulSets; often a quota"
        return Reason.PODS_MISSING, f"whole nodes are free, and {cause}. {_TRIED_AGAIN}: {remedy}"
    cause = f"the scheduler binds only part of a group: {words or 'it gives no reason'}"
    remedy = "compare the nodes' taints with the pool's tolerations, and their free CPU and memory with what a pod needs"
    return Reason.UNSCHEDULABLE, f"whole nodes are free, and {cause}. {_TRIED_AGAIN}: {remedy}"


def displaced_message(deployment: DeploymentPlan) -> str:
    """Which deployments have the devices of missing replicas, and what is missing for other reasons."""
    counts = deployment.displaced_by
    if sum(counts.values()) == deployment.shortage:
        return preempted_message(deployment, counts)
    others = ", ".join(name for name, _ in deployment.names.counts(deployment.key.namespace, counts))
    return f"{missing_message(deployment)}. Replicas gave way to {others}: add devices{_or_raise(deployment)}"


def preempted_message(deployment: DeploymentPlan, counts: Mapping[NamespacedName, int]) -> str:
    """That replicas gave way, and to which deployments."""
    named = deployment.names.counts(deployment.key.namespace, counts)
    others = ", ".join(f"{count} to {name}" for name, count in named)
    return f"{pluralize(sum(counts.values()), 'replica')} gave way: {others}. Add devices{_or_raise(deployment)}"


def _or_raise(deployment: DeploymentPlan) -> str:
    """A priority above what the namespace may use would change nothing."""
    is_capped = any(note.reason is Reason.PRIORITY_CAPPED for note in deployment.view.notes)
    return "; the namespace may use no higher priority" if is_capped else ", or raise spec.priority"
