"""From one snapshot of the cluster to everything that must be done and reported. Pure, total and deterministic.

Each step has a folder. Inventory: the devices that exist. Feasibility: on which pools each model could run. Desired: how many
replicas each deployment should have. Placement: which replicas get which devices. Disruption: which changes of pods may go on
now. Actions: how objects must change. Status: conditions, events and messages. Before them, tenancy says what each namespace
may use; every step reads the specs as they count by that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from modelmatrix.planning.actions.action import Action, EventRecord
from modelmatrix.planning.actions.diff import deployment_actions
from modelmatrix.planning.actions.network_policies import network_policy_actions
from modelmatrix.planning.disruption.gate import pass_gate
from modelmatrix.planning.feasibility.assess import assess_all
from modelmatrix.planning.inventory.collect import pool_states
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.placement.fleet import build_fleet
from modelmatrix.planning.placement.place import allocate_to_pools
from modelmatrix.planning.placement.result import PlacementResult, new_devices
from modelmatrix.planning.placement.tenant_quotas import quotas_of
from modelmatrix.planning.plan_cache import PlanCache
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.planning.status.deployment_status import deployment_status
from modelmatrix.planning.status.events import deployment_events, policy_events, pool_events
from modelmatrix.planning.status.policy_status import policy_status
from modelmatrix.planning.status.pool_status import pool_status
from modelmatrix.planning.tenancy.tenancy import tenancy_of


@dataclass(frozen=True, slots=True)
class Plan:
    """What must be done and reported.

    Statuses are whole and by name; the writer compares them with the stored ones. ``new_devices`` are the devices by pool of
    replicas that have no node yet.
    """

    actions: tuple[Action, ...]
    statuses: Mapping[NamespacedName, dict[str, Any]]
    pool_statuses: Mapping[str, dict[str, Any]]
    policy_statuses: Mapping[str, dict[str, Any]]
    events: tuple[EventRecord, ...]
    deployments: Mapping[NamespacedName, DeploymentPlan]
    pools: Mapping[str, PoolState]
    new_devices: Mapping[str, int]

    @property
    def due_seconds(self) -> float | None:
        """When the plan of the same objects is another one, in the time that objects carry; ``None`` for never.

        A pod that terminates is overdue then.
        """
        return min((pool.due_seconds for pool in self.pools.values() if pool.due_seconds is not None), default=None)


def plan(snapshot: Snapshot, cache: PlanCache | None = None) -> Plan:
    """Plan the whole fleet.

    ``cache`` is for callers that plan again and again: it changes how long a plan takes and nothing else.
    """
    cache = cache or PlanCache()
    cache.begin()
    result = place(snapshot, cache)
    pools, snapshot = result.pools, result.snapshot
    deployments = pass_gate(result.deployment_plans(), pools, snapshot)
    writable = {key: value for key, value in deployments.items() if snapshot.settings.may_write(key.namespace)}
    actions = [action for deployment in writable.values() for action in deployment_actions(deployment, cache.intact)]
    actions += network_policy_actions(writable.values(), snapshot, cache.rendering, cache.intact)
    statuses = {key: deployment_status(deployment, snapshot) for key, deployment in deployments.items()}
    pool_statuses = {name: pool_status(pool, snapshot) for name, pool in pools.items()}
    policy_statuses = {view.name: policy_status(view, result) for view in snapshot.tenant_policies}
    events = [event for key, deployment in writable.items() for event in deployment_events(deployment, statuses[key])]
    events += [event for name, pool in pools.items() for event in pool_events(pool, pool_statuses[name])]
    events += [event for view in snapshot.tenant_policies for event in policy_events(view, policy_statuses[view.name])]
    return Plan(
        tuple(actions),
        statuses,
        pool_statuses,
        policy_statuses,
        tuple(events),
        deployments,
        pools,
        new_devices(deployments),
    )


def place(snapshot: Snapshot, cache: PlanCache) -> PlacementResult:
    """Tenancy and the first four steps: inventory, feasibility, desired replicas, placement."""
    tenancy = tenancy_of(snapshot, cache.tenancy)
    snapshot = replace(snapshot, deployments=tenancy.deployments)
    observed_pools = pool_states(snapshot)
    assessments = assess_all(snapshot, observed_pools, cache.feasibility, tenancy.rules)
    fleet = build_fleet(snapshot, assessments)
    quotas = quotas_of(tenancy, fleet, observed_pools)
    allocation = allocate_to_pools(fleet.demands(), observed_pools, quotas)
    return PlacementResult(fleet, allocation, allocation.pools_after(), snapshot, tenancy, quotas, cache.rendering)
