"""Placement: which replicas stay, which are new and on which nodes, and which give way. Pure and deterministic.

1. Running replicas stay where they are, unless there are too many of them or their pool's limit was lowered.
2. By priority, from P0 down: replicas that were created and have no node yet get their devices before anything new.
3. In the same priority: every deployment gets its first replica before any gets its second; large replicas are placed before
   small ones, because a small one still fits what a large one leaves; then the older deployment first.
4. New replicas that take over from old ones of the same deployment come last: the old ones serve still.
5. A deployment that still lacks replicas preempts those of lower priorities. One that lost replicas first tries other pools.
   No replica is placed for which a device quota of its namespace has no room, and nothing gives way for it.
6. Replicas that were created and found no devices stay, so that the cluster's scheduler places them when devices come free.

Each pool is packed into bins (``bin_packing``); nothing here changes the inventory. The order of a deployment's pools is that
of ``pool_order``. Running replicas are never moved, so a fixed point of the cluster is one of placement.
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
    chip_of,
    shape_of,
)
from modelmatrix.planning.placement.bin_packing import PoolBins
from modelmatrix.planning.placement.pool_order import pick_for_scale_down, preference, rank_for_scale_up
from modelmatrix.planning.placement.preemption import Preemption
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.planning.tenancy.quota import DeviceQuotas


def allocate_to_pools(
    demands: Iterable[ReplicaDemand], pools: Mapping[str, PoolState], quotas: DeviceQuotas | None = None
) -> AllocationState:
    """Allocate devices of the pools to all demands. ``quotas`` are charged with what belongs to no demand."""
    quotas = quotas or DeviceQuotas()
    ordered = sorted(demands, key=_rank)
    state = AllocationState(
        {name: PoolBins(pool) for name, pool in pools.items()}, {demand.key: demand for demand in ordered}, {}
    )
    for pool_bins in state.bins.values():
        pool_bins.granted = _unplanned_devices(pool_bins, ordered)
    for demand in ordered:
        state.allocations[demand.key] = _retain(demand, state.bins, quotas)
    for _, group in groupby(ordered, key=lambda demand: demand.priority_rank):
        level = list(group)
        _resume(level, state)
        _grow(level, state)
    _replace_old(ordered, state)
    _preempt(ordered, state)
    for demand in ordered:
        _leave_pending(demand, state.allocations[demand.key])
    return state


def _rank(demand: ReplicaDemand) -> tuple[int, int, float, NamespacedName]:
    largest = max((option.devices for option in demand.fitting), default=0)
    return (demand.priority_rank, -largest, demand.view.created_seconds, demand.key)


def _unplanned_devices(bins: PoolBins, demands: Sequence[ReplicaDemand]) -> int:
    """Devices of managed pods that belong to no demand: of workloads that go, and of deployments whose spec cannot be read.

    They count against the pool's limit. Devices of terminating pods do not: they are free soon, as on their nodes.
    """
    pool = bins.pool
    if pool.limit is None:
        return 0
    planned = 0
    for demand in demands:
        held, option = demand.held.get(pool.name), next((o for o in demand.fitting if o.pool == pool.name), None)
        if held is not None and option is not None:
            nodes = [name for replica in held.existing for name in replica.nodes if bins.has_node(name)]
            planned += len(nodes) * shape_of(option).per_node
    return max(0, pool.own_devices - sum(node.terminating for node in pool.nodes) - planned)


def _retain(demand: ReplicaDemand, bins: Mapping[str, PoolBins], quotas: DeviceQuotas) -> DeploymentAllocation:
    """Running replicas stay, as far as they are desired and below the limits; quotas take none of them away."""
    account = quotas.account(demand.key.namespace, demand.priority)
    allocation = DeploymentAllocation(desired=demand.replicas, account=account)
    for option in demand.fitting:
        held = demand.held.get(option.pool)
        if held is not None and held.running:
            retained = bins[option.pool].retain(shape_of(option), len(held.running))
            if retained:
                allocation.by_pool[option.pool] = PoolAllocation(list(held.running[:retained]))
    while allocation.placed > demand.replicas and not demand.view.paused:
        option = pick_for_scale_down(demand, allocation, bins)
        allocation.by_pool[option.pool].running.pop()
        bins[option.pool].granted -= option.devices  # its devices stay used until the pod is gone
    for option in demand.fitting:
        allocation.charge(option, allocation.replicas(option.pool))
    return allocation


def _resume(level: Sequence[ReplicaDemand], state: AllocationState) -> None:
    """Replicas that were created and have no node yet get devices before anything new.

    Stuck groups do not: devices are free for them, and the scheduler refuses them for other reasons.
    """
    for demand in level:
        allocation = state.allocations[demand.key]
        if not allocation.shortage:
            continue
        allocation.refused = demand.backs_off or any(_could_be_whole(demand, o, state) for o in demand.fitting)
        for option in preference(demand, state.bins):
            held = demand.held.get(option.pool)
            for replica in held.unbound if held else ():
                if not allocation.shortage or not _allocate(option, allocation, state, replica):
                    break


def _could_be_whole(demand: ReplicaDemand, option: PoolOption, state: AllocationState) -> bool:
    """Whether there are devices for a group that is stuck, beside those that it holds."""
    held, shape = demand.held.get(option.pool), shape_of(option)
    own = (dict.fromkeys(replica.nodes, shape.per_node) for replica in held.stuck) if held else ()
    return any(state.bins[option.pool].would_fit(shape, freed) for freed in own)


def _grow(level: Sequence[ReplicaDemand], state: AllocationState) -> None:
    """Place what is missing: every first replica before any second one."""
    for demand in level:
        if not state.allocations[demand.key].placed and _lacks_more_than_successors(demand, state):
            _place_one(demand, state)
    for demand in level:
        while _lacks_more_than_successors(demand, state) and _place_one(demand, state):
            pass


def _lacks_more_than_successors(demand: ReplicaDemand, state: AllocationState) -> bool:
    """Whether replicas are missing, those that only take over from old ones not counted: the old ones serve still."""
    return state.allocations[demand.key].shortage > demand.retiring


def _replace_old(ordered: Sequence[ReplicaDemand], state: AllocationState) -> None:
    """What is left is for successors of old replicas.

    If they came first, the devices that one deployment's old replica has left would go to a more important one that serves.
    """
    for demand in ordered:
        while state.allocations[demand.key].shortage and _place_one(demand, state):
            pass


def _preempt(ordered: Sequence[ReplicaDemand], state: AllocationState) -> None:
    """Deployments that lost replicas try other pools; those that still lack some preempt lower priorities.

    Replicas that take over from the deployment's own old ones preempt nothing: the old ones make room for them.
    """
    preemption = Preemption(state)
    for demand in ordered:
        allocation = state.allocations[demand.key]
        if not allocation.shortage:
            continue
        while allocation.shortage and allocation.preempted_by and _place_one(demand, state):
            pass
        options = [
            option
            for option in preference(demand, state.bins)
            if not _is_hopeless(demand, option) and not state.is_paused(demand, option.pool)
        ]
        own = _room_of_retired(demand, options, state)
        while allocation.shortage > own and any(_preempt_one(demand, option, preemption, state) for option in options):
            pass


def _preempt_one(demand: ReplicaDemand, option: PoolOption, preemption: Preemption, state: AllocationState) -> bool:
    allocation = state.allocations[demand.key]
    if allocation.quota_against(option) is not None:
        return False
    return preemption.preempt_for(demand, option) and _allocate(option, allocation, state)


def _room_of_retired(demand: ReplicaDemand, options: Iterable[PoolOption], state: AllocationState) -> int:
    """New replicas that find devices once the deployment's old ones have gone."""
    retired = demand.retired
    return sum(state.bins[o.pool].room_after(shape_of(o), retired[o.pool]) for o in options if o.pool in retired)


def _place_one(demand: ReplicaDemand, state: AllocationState) -> bool:
    allocation = state.allocations[demand.key]
    if not allocation.shortage:
        return False
    ranked = rank_for_scale_up(demand, allocation, state.bins)
    usable = (option for option in ranked if not _is_hopeless(demand, option) and not state.is_paused(demand, option.pool))
    return any(_allocate(option, allocation, state) for option in usable)


def _is_hopeless(demand: ReplicaDemand, option: PoolOption) -> bool:
    """Whether the scheduler would refuse a new group as it refused the last one."""
    held = demand.held.get(option.pool)
    return option.nodes > 1 and (demand.backs_off or (held is not None and bool(held.stuck)))


def _leave_pending(demand: ReplicaDemand, allocation: DeploymentAllocation) -> None:
    """Replicas that were created and found no devices stay; groups only for a while, because they hold nodes.

    Groups that the scheduler refuses go once the status reports it: before that they would be made again at once.
    """
    missing = allocation.shortage
    for option in demand.fitting:
        held = demand.held.get(option.pool)
        if held is None or not missing:
            continue
        grant = allocation.by_pool.setdefault(option.pool, PoolAllocation())
        stay = [replica for replica in held.unbound[len(grant.new_nodes) :] if option.nodes == 1 or not replica.overdue]
        stay += held.stuck if allocation.refused and not demand.backs_off else []
        grant.pending = allocation.account.room(chip_of(option), option.devices, most=min(len(stay), missing))
        allocation.charge(option, grant.pending)  # the scheduler may bind them at any time
        missing -= grant.pending


def _allocate(
    option: PoolOption, allocation: DeploymentAllocation, state: AllocationState, replica: ObservedReplica | None = None
) -> bool:
    """Allocate one replica: a new one, or one that exists and lacks some or all of its nodes."""
    if allocation.quota_against(option) is not None:
        return False
    shape = shape_of(option)
    has = replica.nodes if replica else ()
    nodes = state.bins[option.pool].allocate(shape, lacking=shape.nodes - len(has))
    if nodes is None:
        return False
    grant = allocation.by_pool.setdefault(option.pool, PoolAllocation())
    grant.new_nodes.append((*has, *(node.name for node in nodes)))
    if shape.nodes > 1 and replica is None and any(node.used for node in nodes):
        grant.waiting.append(grant.new_nodes[-1])
    allocation.charge(option)
    return True
