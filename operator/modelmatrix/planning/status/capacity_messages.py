"""Messages about missing devices: how many a pool lacks, which deployments have them, and what to change. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from modelmatrix.api.reasons import Reason
from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.feasibility.layout_choice import pluralize
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
    if pool.spec is not None and pool.nodes and not pool.total:
        return f"its nodes offer no {pool.spec.resource_name}: check the device plugin and spec.resourceName"
    free = [max(0, node.free) for node in pool.nodes if node.usable]
    if option.nodes > 1:
        return _group_message(option, pool, unit, sum(free))
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
    return (
        f"a replica needs {option.nodes} whole free nodes of {devices_per_node} {unit}s; "
        f"{whole} {'is' if whole == 1 else 'are'} free, {free} {unit}s are free in all{_unhealthy(pool)}"
    )


def _unhealthy(pool: PoolState) -> str:
    cordoned = sum(1 for node in pool.nodes if not node.usable)
    parts = [f"{pool.unhealthy} unhealthy"] if pool.unhealthy else []
    parts += [f"{cordoned} node{'s' if cordoned > 1 else ''} cordoned or not ready"] if cordoned else []
    return f", {' and '.join(parts)}" if parts else ""


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
