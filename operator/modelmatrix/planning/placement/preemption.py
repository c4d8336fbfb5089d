"""Who gives way: devices of lower priorities for a replica of a higher one. Pure.

Nothing is taken that would not be enough, and nothing from the same or a higher priority.
"""

from __future__ import annotations

from collections.abc import Iterable

from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.placement.allocation import AllocationState, ReplicaDemand, shape_of
from modelmatrix.planning.placement.bin_packing import ReplicaShape
from modelmatrix.planning.placement.victims import Victim, choose_victims
from modelmatrix.planning.snapshot.views import NamespacedName


class Preemption:
    """Makes room in one round of placement."""

    def __init__(self, table: AllocationState) -> None:
        self._table = table
        self._victims: dict[str, list[Victim]] = {}
        self._hopeless: set[tuple[str, ReplicaShape, int]] = set()

    def preempt_for(self, demand: ReplicaDemand, option: PoolOption) -> bool:
        """Free the devices of one replica of the option; whether that could be done."""
        shape = shape_of(option)
        question = (option.pool, shape, demand.priority_rank)
        if question in self._hopeless:
            return False
        packing = self._table.packing[option.pool]
        victims = [victim for victim in self._of_pool(option.pool) if victim.priority_rank > demand.priority_rank]
        chosen = choose_victims(shape, packing, victims)
        if chosen is None:
            self._hopeless.add(question)
            return False
        for victim in chosen:
            self._evict(victim, option.pool, demand.key)
        return True

    def _of_pool(self, pool: str) -> list[Victim]:
        if pool not in self._victims:
            self._victims[pool] = [
                victim for key, demand in self._table.demands.items() for victim in self._of_demand(key, demand, pool)
            ]
        return self._victims[pool]

    def _of_demand(self, key: NamespacedName, demand: ReplicaDemand, pool: str) -> Iterable[Victim]:
        grant = self._table.assignments[key].grants.get(pool)
        if grant is None:
            return
        shape = shape_of(self._table.option(key, pool))
        for nodes in grant.new_nodes:
            yield Victim(key, demand.priority_rank, shape, nodes, None)
        # Groups go in the order of their numbers, so only the last one can be chosen.
        running = grant.running if shape.nodes == 1 else grant.running[-1:]
        for replica in running:
            yield Victim(key, demand.priority_rank, shape, replica.nodes, replica)

    def _evict(self, victim: Victim, pool: str, taker: NamespacedName) -> None:
        assignment = self._table.assignments[victim.key]
        grant = assignment.grants[pool]
        if victim.running is None:
            grant.new_nodes.remove(victim.nodes)
            if victim.nodes in grant.waiting:
                grant.waiting.remove(victim.nodes)
        else:
            grant.running.remove(victim.running)
            assignment.evicted.append((pool, victim.running))
        assignment.preempted_by[taker] = assignment.preempted_by.get(taker, 0) + 1
        self._table.packing[pool].release(victim.shape, victim.nodes)
        self._victims.pop(pool, None)  # a group's next one may be chosen now
        self._hopeless.clear()
