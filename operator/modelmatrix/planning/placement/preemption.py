"""Preemption: devices of lower priorities for a replica of a higher one. Pure.

1. Candidates are the replicas on the pool whose priority is lower. If all of them together would not be enough, none goes.
2. For each node the least important candidates are added until the replica fits. Then those whose devices turn out to be more
   than enough are spared, the most important first.
3. The node with the least harm is chosen. Harm is compared by the most important victim, then by the number of victims that run
   and are not marked yet, then by their devices. A group takes several nodes, one after the other.
4. If only the pool's limit is in the way, the least important candidates go, wherever they are.

Example: a node of 8 devices has 1 free, a replica of P1 with 2, one of P2 with 1, one of P3 with 1, and a foreign pod with 3.
A replica of P0 needs 4. In the order P3, P2, P1 all three are added, and 5 devices would be free: 1 too many. The most
important victim with no more than 1 device is the one of P2. So P3 and P1 go, 1 + 1 + 2 = 4 devices are free, and P2 stays.

Victims of one plan stay marked (``SetDeletionCost``), so the next plan chooses the same ones again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.inventory.held_replicas import ObservedReplica
from modelmatrix.planning.inventory.pool_state import NodeState
from modelmatrix.planning.placement.allocation import AllocationState, ReplicaDemand, shape_of
from modelmatrix.planning.placement.bin_packing import PoolBins, ReplicaShape
from modelmatrix.planning.snapshot.views import NamespacedName


@dataclass(frozen=True, slots=True)
class Victim:
    """A replica that may give way. ``running`` is ``None`` for one that this plan only placed."""

    key: NamespacedName
    priority_rank: int
    shape: ReplicaShape
    nodes: tuple[str, ...]
    running: ObservedReplica | None

    @property
    def importance(self) -> tuple[int, bool, int, NamespacedName]:
        """Order in which victims are chosen: low priority first, marked ones first, small ones first."""
        marked = self.running is None or self.running.marked
        return (-self.priority_rank, not marked, self.shape.devices, self.key)


class Preemption:
    """Frees devices in one plan. A request that failed is not tried again until something was evicted."""

    def __init__(self, state: AllocationState) -> None:
        self._state = state
        self._victims: dict[str, list[Victim]] = {}
        self._hopeless: set[tuple[str, ReplicaShape, int]] = set()

    def preempt_for(self, demand: ReplicaDemand, option: PoolOption) -> bool:
        """Free the devices of one replica of the option; ``False`` when all victims together would not be enough."""
        shape = shape_of(option)
        request = (option.pool, shape, demand.priority_rank)
        if request in self._hopeless:
            return False
        bins = self._state.bins[option.pool]
        victims = [victim for victim in self._of_pool(option.pool) if victim.priority_rank > demand.priority_rank]
        chosen = choose_victims(shape, bins, victims)
        if chosen is None:
            self._hopeless.add(request)
            return False
        for victim in chosen:
            self._evict(victim, option.pool, demand.key)
        return True

    def _of_pool(self, pool: str) -> list[Victim]:
        if pool not in self._victims:
            self._victims[pool] = [
                victim for key, demand in self._state.demands.items() for victim in self._of_demand(key, demand, pool)
            ]
        return self._victims[pool]

    def _of_demand(self, key: NamespacedName, demand: ReplicaDemand, pool: str) -> Iterable[Victim]:
        grant = self._state.allocations[key].by_pool.get(pool)
        if grant is None or self._state.is_paused(demand, pool):
            return
        shape = shape_of(self._state.option(key, pool))
        for nodes in grant.new_nodes:
            yield Victim(key, demand.priority_rank, shape, nodes, None)
        # Groups go in the order of their numbers, so only the last one can be chosen.
        running = grant.running if shape.nodes == 1 else grant.running[-1:]
        for replica in running:
            yield Victim(key, demand.priority_rank, shape, replica.nodes, replica)

    def _evict(self, victim: Victim, pool: str, beneficiary: NamespacedName) -> None:
        allocation = self._state.allocations[victim.key]
        grant = allocation.by_pool[pool]
        if victim.running is None:
            grant.new_nodes.remove(victim.nodes)
            if victim.nodes in grant.waiting:
                grant.waiting.remove(victim.nodes)
        else:
            grant.running.remove(victim.running)
            allocation.evicted.append((pool, victim.running))
        allocation.preempted_by[beneficiary] = allocation.preempted_by.get(beneficiary, 0) + 1
        allocation.charge(self._state.option(victim.key, pool), -1)
        self._state.bins[pool].release(victim.shape, victim.nodes)
        self._victims.pop(pool, None)  # a group's next one may be chosen now
        self._hopeless.clear()


def choose_victims(shape: ReplicaShape, bins: PoolBins, victims: Sequence[Victim]) -> Iterable[Victim] | None:
    """The victims that make room for one replica, or ``None`` when all of them would not."""
    if not bins.would_fit(shape, _freed(victims)):
        return None
    ordered = sorted(victims, key=lambda victim: victim.importance)
    chosen = _for_nodes(shape, bins, ordered)
    for victim in ordered:
        if bins.would_fit(shape, _freed(chosen.values())):
            break
        chosen.setdefault(id(victim), victim)  # the nodes are there, only the pool's limit is in the way
    for number, _ in sorted(chosen.items(), key=lambda entry: entry[1].importance, reverse=True):
        others = {other: victim for other, victim in chosen.items() if other != number}
        if bins.would_fit(shape, _freed(others.values())):
            chosen = others
    return chosen.values()


def _freed(victims: Iterable[Victim]) -> Counter[str]:
    """Devices by node that come free when they go."""
    freed: Counter[str] = Counter()
    for victim in victims:
        for name in victim.nodes:
            freed[name] += victim.shape.per_node
    return freed


def _for_nodes(shape: ReplicaShape, bins: PoolBins, victims: Sequence[Victim]) -> dict[int, Victim]:
    """The victims on the nodes with the least harm. When a group goes, its other nodes are free too, at no further harm."""
    by_node: defaultdict[str, list[Victim]] = defaultdict(list)
    for victim in victims:
        for name in victim.nodes:
            by_node[name].append(victim)
    nodes = {node.name: node for node in bins.usable_nodes() if shape.nodes == 1 or node.total == shape.per_node}
    candidates = {name: _node_candidate(node, bins.free(name), shape, by_node[name]) for name, node in nodes.items()}
    chosen: dict[int, Victim] = {}
    for _ in range(shape.nodes):
        best = min((node for node in candidates.values() if node), key=lambda node: (node.harm, node.node))
        candidates[best.node] = None
        chosen |= {id(victim): victim for victim in best.victims}
        for name in {name for victim in best.victims for name in victim.nodes if candidates.get(name)}:
            candidates[name] = _node_candidate(nodes[name], bins.free(name), shape, by_node[name], gone=chosen)
    return chosen


@dataclass(frozen=True, slots=True)
class _NodeCandidate:
    """A node that would have room, the victims that would have to leave it, and the harm of that."""

    node: str
    victims: tuple[Victim, ...]
    harm: tuple[int, int, int]


def _node_candidate(
    node: NodeState, free: int, shape: ReplicaShape, victims: Sequence[Victim], gone: Container[int] = ()
) -> _NodeCandidate | None:
    """The node with the victims to take there; ``victims`` are the least important first, ``gone`` those chosen already."""
    free += sum(victim.shape.per_node for victim in victims if id(victim) in gone)
    removed = []
    for victim in victims:
        if free >= shape.per_node:
            break
        if id(victim) not in gone:
            free += victim.shape.per_node
            removed.append(victim)
    if free < shape.per_node:
        return None
    needed = _needed(removed, free - shape.per_node)
    return _NodeCandidate(node.name, tuple(needed), _harm(needed))


def _needed(removed: list[Victim], spare: int) -> list[Victim]:
    """The victims without those whose devices are more than enough, the most important ones spared first."""
    needed = list(removed)
    for victim in reversed(removed):
        if victim.shape.per_node <= spare:
            needed.remove(victim)
            spare -= victim.shape.per_node
    return needed


def _harm(victims: Sequence[Victim]) -> tuple[int, int, int]:
    """Compared in this order: the most important victim, running ones that were not marked before, devices."""
    if not victims:
        return (-9, 0, 0)
    worst = max(-victim.priority_rank for victim in victims)
    unmarked = sum(1 for victim in victims if victim.running is not None and not victim.running.marked)
    return (worst, unmarked, sum(victim.shape.devices for victim in victims))
