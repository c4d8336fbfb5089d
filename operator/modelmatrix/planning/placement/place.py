"""Handing out devices: which replicas stay, which are new and where, and who gives way. Pure and deterministic.

Replicas that run stay where they are unless they are too many, or their pool's limit was cut. What is missing is placed
by priority, first replicas before second ones, large ones before small ones. Displacement comes last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.inventory.held_replicas import ObservedReplica
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.placement.allocation import (
    AllocationState,
    DeploymentAllocation,
    PoolAllocation,
    ReplicaDemand,
    shape_of,
)
from modelmatrix.planning.placement.bin_packing import PoolBins
from modelmatrix.planning.placement.pool_order import pick_for_scale_down, preference, rank_for_scale_up
from modelmatrix.planning.placement.preemption import Preemption
from modelmatrix.planning.snapshot.views import NamespacedName


def allocate_to_pools(demands: Iterable[ReplicaDemand], pools: Mapping[str, PoolState]) -> AllocationState:
    """Give every demand its replicas by pool."""
    ordered = sorted(demands, key=_rank)
    table = AllocationState(
        {name: PoolBins(pool) for name, pool in pools.items()}, {demand.key: demand for demand in ordered}, {}
    )
    for packing in table.packing.values():
        packing.granted = _unplanned(packing, ordered)
    for demand in ordered:
        table.assignments[demand.key] = _keep(demand, table.packing)
    for _, level in groupby(ordered, key=lambda demand: demand.priority_rank):
        members = list(level)
        _resume(members, table)
        _grow(members, table)
    _displace(ordered, table)
    for demand in ordered:
        _leave_pending(demand, table.assignments[demand.key])
    return table


def _rank(demand: ReplicaDemand) -> tuple[int, int, float, NamespacedName]:
    """Priority, then large before small (better packing), then age."""
    largest = max((option.devices for option in demand.fitting), default=0)
    return (demand.priority_rank, -largest, demand.view.created_seconds, demand.key)


def _unplanned(packing: PoolBins, demands: Sequence[ReplicaDemand]) -> int:
    """Devices of ours that no demand stands for: of workloads that go, and of deployments whose spec cannot be read.

    Those of terminating pods are not counted: they are free soon, as on their nodes.
    """
    pool = packing.pool
    if pool.limit is None:
        return 0
    planned = 0
    for demand in demands:
        held, option = demand.held.get(pool.name), next((o for o in demand.fitting if o.pool == pool.name), None)
        if held is not None and option is not None:
            nodes = [name for replica in held.existing for name in replica.nodes if packing.has_node(name)]
            planned += len(nodes) * shape_of(option).per_node
    return max(0, pool.ours - sum(node.leaving for node in pool.nodes) - planned)


def _keep(demand: ReplicaDemand, packing: Mapping[str, PoolBins]) -> DeploymentAllocation:
    """Running replicas stay, as far as they are wanted and below the limits."""
    assignment = DeploymentAllocation(wanted=demand.replicas)
    for option in demand.fitting:
        held = demand.held.get(option.pool)
        if held is not None and held.running:
            kept = packing[option.pool].retain(shape_of(option), len(held.running))
            if kept:
                assignment.grants[option.pool] = PoolAllocation(list(held.running[:kept]))
    while assignment.placed > demand.replicas:
        option = pick_for_scale_down(demand, assignment, packing)
        grant = assignment.grants[option.pool]
        grant.running.pop()
        packing[option.pool].granted -= option.devices  # its devices stay used until the pod is gone
    return assignment


def _resume(level: Sequence[ReplicaDemand], table: AllocationState) -> None:
    """Replicas that were created and are not bound yet keep their place before anything new is placed.

    Stuck groups do not: their devices are there, and the scheduler has other reasons.
    """
    for demand in level:
        assignment = table.assignments[demand.key]
        if not assignment.shortage:
            continue
        assignment.refused = demand.backs_off or any(_could_be_whole(demand, o, table) for o in demand.fitting)
        for option in preference(demand, table.packing):
            held = demand.held.get(option.pool)
            for replica in held.unbound if held else ():
                if not assignment.shortage or not _take(option, assignment, table, replica):
                    break


def _could_be_whole(demand: ReplicaDemand, option: PoolOption, table: AllocationState) -> bool:
    """Whether there are devices for a group that is stuck."""
    held, shape = demand.held.get(option.pool), shape_of(option)
    own = (dict.fromkeys(replica.nodes, shape.per_node) for replica in held.stuck) if held else ()
    return any(table.packing[option.pool].would_fit(shape, freed) for freed in own)


def _grow(level: Sequence[ReplicaDemand], table: AllocationState) -> None:
    """Place what is missing: everyone's first replica before anyone's second."""
    for demand in level:
        if not table.assignments[demand.key].placed:
            _place_one(demand, table)
    for demand in level:
        while table.assignments[demand.key].shortage and _place_one(demand, table):
            pass


def _displace(ordered: Sequence[ReplicaDemand], table: AllocationState) -> None:
    """Who still lacks replicas takes devices of lower priorities; who lost some looks for room elsewhere.

    Nobody is displaced for replicas that come into the place of the deployment's own old ones.
    """
    displacement = Preemption(table)
    for demand in ordered:
        assignment = table.assignments[demand.key]
        if not assignment.shortage:
            continue
        while assignment.shortage and assignment.preempted_by and _place_one(demand, table):
            pass
        options = [o for o in preference(demand, table.packing) if not _hopeless(demand, o)]
        own = _own_room(demand, options, table)
        while assignment.shortage > own and any(_displace_one(demand, o, displacement, table) for o in options):
            pass


def _displace_one(demand: ReplicaDemand, option: PoolOption, displacement: Preemption, table: AllocationState) -> bool:
    return displacement.preempt_for(demand, option) and _take(option, table.assignments[demand.key], table)


def _own_room(demand: ReplicaDemand, options: Iterable[PoolOption], table: AllocationState) -> int:
    """New replicas that find room once the deployment's old ones have gone."""
    retired = demand.retired
    return sum(table.packing[o.pool].room_after(shape_of(o), retired[o.pool]) for o in options if o.pool in retired)


def _place_one(demand: ReplicaDemand, table: AllocationState) -> bool:
    assignment = table.assignments[demand.key]
    if not assignment.shortage:
        return False
    options = [option for option in rank_for_scale_up(demand, assignment, table.packing) if not _hopeless(demand, option)]
    return any(_take(option, assignment, table) for option in options)


def _hopeless(demand: ReplicaDemand, option: PoolOption) -> bool:
    """Whether a new group would not be bound any more than the last one."""
    held = demand.held.get(option.pool)
    return option.nodes > 1 and (demand.backs_off or (held is not None and bool(held.stuck)))


def _leave_pending(demand: ReplicaDemand, assignment: DeploymentAllocation) -> None:
    """Replicas that were created and found no devices stay; groups only for a while, because they hold nodes.

    Groups that the scheduler refuses go once the status says so: else they would be made again at once.
    """
    left = assignment.shortage
    for option in demand.fitting:
        held = demand.held.get(option.pool)
        if held is None or not left:
            continue
        grant = assignment.grants.setdefault(option.pool, PoolAllocation())
        stay = [replica for replica in held.unbound[len(grant.new_nodes) :] if option.nodes == 1 or not replica.overdue]
        stay += held.stuck if assignment.refused and not demand.backs_off else []
        grant.pending = min(len(stay), left)
        left -= grant.pending


def _take(
    option: PoolOption, assignment: DeploymentAllocation, table: AllocationState, replica: ObservedReplica | None = None
) -> bool:
    """Grant one replica: a new one, or one that exists and lacks some or all of its nodes."""
    shape = shape_of(option)
    have = replica.nodes if replica else ()
    nodes = table.packing[option.pool].allocate(shape, lacking=shape.nodes - len(have))
    if nodes is None:
        return False
    grant = assignment.grants.setdefault(option.pool, PoolAllocation())
    grant.new_nodes.append((*have, *(node.name for node in nodes)))
    if shape.nodes > 1 and replica is None and any(node.used for node in nodes):
        grant.waiting.append(grant.new_nodes[-1])
    return True
