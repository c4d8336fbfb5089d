"""The plan: from one snapshot to everything that must be done, said and written. Pure, total and deterministic.

1. pools: which devices there are  2. fleet: what each deployment wants, has and could use  3. placement: who gets what
4. actions: how workloads must change  5. statuses: what users read  6. notes: what is told as events
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelmatrix.api import names
from modelmatrix.planning.actions.action import Action, EventRecord, SetDeletionCost
from modelmatrix.planning.actions.diff import DesiredWorkload, retired_actions, service_actions, workload_actions
from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.inventory.collect import pool_states
from modelmatrix.planning.inventory.observed_replicas import WorkloadReplicas
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.placement.allocation import AllocationState, DeploymentAllocation, PoolAllocation, shape_of
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan, PoolPlacement
from modelmatrix.planning.placement.displacement import displaced_by
from modelmatrix.planning.placement.drain import drain_schedule
from modelmatrix.planning.placement.fleet import DeploymentInputs, Fleet, build_fleet
from modelmatrix.planning.placement.place import allocate_to_pools
from modelmatrix.planning.rendering.workload_target import workload_target
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import NamespacedName, WorkloadView
from modelmatrix.planning.status.deployment_status import deployment_status
from modelmatrix.planning.status.events import deployment_notes, pool_notes
from modelmatrix.planning.status.pool_status import pool_status


@dataclass(frozen=True, slots=True)
class Plan:
    """What must be done, and what is to be written and told.

    Statuses are whole and by name; the writer compares them with the stored ones. ``taken`` are the devices by pool that
    pods will use which have no node yet.
    """

    actions: tuple[Action, ...]
    statuses: Mapping[NamespacedName, dict[str, Any]]
    pool_statuses: Mapping[str, dict[str, Any]]
    notes: tuple[EventRecord, ...]
    outlooks: Mapping[NamespacedName, DeploymentPlan]
    pools: Mapping[str, PoolState]
    taken: Mapping[str, int]


def plan(snapshot: Snapshot) -> Plan:
    """Plan the whole fleet."""
    pools = pool_states(snapshot)
    fleet = build_fleet(snapshot, pools)
    table = allocate_to_pools(
        [fleet.demand(m) for m in fleet.members.values() if m.wanted is not None and m.case.fitting], pools
    )
    outlooks = {key: _outlook(member, fleet, table, snapshot) for key, member in fleet.members.items()}
    statuses = {key: deployment_status(outlook, snapshot) for key, outlook in outlooks.items()}
    pool_statuses = {name: pool_status(pool, snapshot) for name, pool in pools.items()}
    return Plan(
        actions=tuple(action for outlook in outlooks.values() for action in _actions(outlook, snapshot)),
        statuses=statuses,
        pool_statuses=pool_statuses,
        notes=(
            *(note for key, outlook in outlooks.items() for note in deployment_notes(outlook, statuses[key])),
            *(note for name, pool in pools.items() for note in pool_notes(pool, pool_statuses[name])),
        ),
        outlooks=outlooks,
        pools=pools,
        taken=_taken(table),
    )


def _taken(table: AllocationState) -> dict[str, int]:
    taken: dict[str, int] = {}
    for key, assignment in table.assignments.items():
        for pool, grant in assignment.grants.items():
            taken[pool] = taken.get(pool, 0) + len(grant.new_nodes) * table.option(key, pool).devices
    return taken


def _outlook(member: DeploymentInputs, fleet: Fleet, table: AllocationState, snapshot: Snapshot) -> DeploymentPlan:
    """The deployment with its share of the devices."""
    assignment = table.assignments.get(member.key, DeploymentAllocation())
    spec = member.case.spec
    asks = assignment.shortage or (spec is not None and spec.scaling is not None)
    rooms = {o.pool: table.packing[o.pool].room(shape_of(o)) for o in member.case.fitting} if asks else {}
    placed = tuple(_placed(member, assignment, fleet, table))
    ready_new = sum(item.ready for item in placed)
    return DeploymentPlan(
        member=member,
        assignment=assignment,
        placed=placed,
        retiring=tuple(drain_schedule(member, assignment, fleet, table, ready_new=ready_new)),
        observed=tuple((workload, fleet.replicas[workload.key]) for workload in member.workloads),
        rooms=rooms,
        pools=table.pools,
        displaced_by=displaced_by(table, member.key),
        failure=snapshot.failures.get(member.key),
        ready=fleet.ready(member.workloads),
        existing=sum(fleet.replicas[workload.key].existing for workload in member.workloads),
    )


def _placed(
    member: DeploymentInputs, assignment: DeploymentAllocation, fleet: Fleet, table: AllocationState
) -> Iterator[PoolPlacement]:
    for option in member.case.fitting:
        grant, workload = assignment.grants.get(option.pool, PoolAllocation()), member.current.get(option.pool)
        if not grant.replicas and not grant.pending and workload is None:
            continue
        target = workload_target(member.case.view, option, table.packing[option.pool].pool)
        observed = fleet.replicas.get(workload.key) if workload else None
        yield PoolPlacement(
            option=option,
            target=target,
            workload=workload,
            observed=observed,
            replicas=_replicas(member, assignment, option, observed),
            waiting=len(grant.waiting),
            surge=table.packing[option.pool].room(shape_of(option)) > 0,
        )


def _replicas(
    member: DeploymentInputs, assignment: DeploymentAllocation, option: PoolOption, observed: WorkloadReplicas | None
) -> int:
    """Replicas that a workload is told to have: those it has while nobody can say what is wanted."""
    grant, workload = assignment.grants.get(option.pool, PoolAllocation()), member.current.get(option.pool)
    if member.wanted is None and workload is not None:
        return workload.replicas
    told = grant.replicas - len(grant.waiting) + grant.pending
    return max(told, _held_back(told, assignment, workload, observed))


def _held_back(
    told: int, assignment: DeploymentAllocation, workload: WorkloadView | None, observed: WorkloadReplicas | None
) -> int:
    """Replicas that a workload keeps so that those go which must: pods once they are marked, groups from the last one on."""
    if workload is None or observed is None:
        return 0
    leaving = [replica for pool, replica in assignment.evicted if pool == workload.pool]
    if workload.nodes_per_replica > 1:
        return observed.replicas_to_retain(told, workload, gone={replica.uid for replica in leaving})
    return 0 if all(replica.marked for replica in leaving) else workload.replicas


def _marks(outlook: DeploymentPlan) -> Iterator[Action]:
    single = {item.option.pool for item in outlook.placed if item.option.nodes == 1}
    for pool, replica in outlook.assignment.evicted:
        if pool in single and replica.leader is not None and not replica.marked:
            yield SetDeletionCost(names.PODS, replica.leader, outlook.member.key, replica.uid)


def _actions(outlook: DeploymentPlan, snapshot: Snapshot) -> Iterator[Action]:
    member = outlook.member
    if member.wanted is None:
        return
    if member.case.fitting and (outlook.placed or member.wanted.replicas):
        yield from service_actions(member.case.view, member.service)
    for item in outlook.placed:
        yield from workload_actions(
            DesiredWorkload(item.target, item.replicas, item.surge),
            item.workload,
            catalogue=snapshot.catalogue,
            settings=snapshot.settings,
            stuck=_stuck(item),
        )
    yield from _marks(outlook)
    for workload, replicas in outlook.retiring:
        yield from retired_actions(workload, member.key, replicas)


def _stuck(item: PoolPlacement) -> bool:
    """Whether a rollout waits for devices that are not there: more pods than replicas, and one finds no node."""
    workload, observed = item.workload, item.observed
    if workload is None or observed is None or not workload.rolling:
        return False
    return observed.existing > workload.replicas and not item.surge and any(not r.bound for r in observed.replicas)
