"""Who gives way: devices of lower priorities for a replica of a higher one, as few and as unimportant as possible. Pure.

Nothing is taken that would not be enough, and nothing from the same or a higher priority.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modelmatrix.planning.assessment import Option
from modelmatrix.planning.demands import Demand, HeldReplica, Table, shape_of
from modelmatrix.planning.packing import PoolPacking, Shape
from modelmatrix.planning.pools import NodeState
from modelmatrix.planning.views import Key


@dataclass(frozen=True, slots=True)
class Victim:
    """A replica that may give way. ``running`` is ``None`` for one that was only planned."""

    key: Key
    priority: str
    shape: Shape
    nodes: tuple[str, ...]
    running: HeldReplica | None

    @property
    def importance(self) -> tuple[int, bool, int, Key]:
        """Order in which victims are chosen: low priority first, marked ones first, small ones first."""
        marked = self.running is None or self.running.marked
        return (-int(self.priority[1:]), not marked, self.shape.devices, self.key)


class Displacement:
    """Makes room in one round of placement."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._victims: dict[str, list[Victim]] = {}
        self._hopeless: set[tuple[str, Shape, str]] = set()

    def make_room(self, demand: Demand, option: Option) -> bool:
        """Free the devices of one replica of the option; whether that could be done."""
        shape = shape_of(option)
        question = (option.pool, shape, demand.priority)
        if question in self._hopeless:
            return False
        packing = self._table.packing[option.pool]
        victims = [victim for victim in self._of_pool(option.pool) if victim.priority > demand.priority]
        chosen = _choose(shape, packing, victims) if victims else None
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

    def _of_demand(self, key: Key, demand: Demand, pool: str) -> Iterable[Victim]:
        grant = self._table.assignments[key].grants.get(pool)
        if grant is None:
            return
        shape = shape_of(self._table.option(key, pool))
        for nodes in grant.new_nodes:
            yield Victim(key, demand.priority, shape, nodes, None)
        # Groups go in the order of their numbers, so only the last one can be chosen.
        running = grant.running if shape.nodes == 1 else grant.running[-1:]
        for replica in running:
            yield Victim(key, demand.priority, shape, replica.nodes, replica)

    def _evict(self, victim: Victim, pool: str, taker: Key) -> None:
        assignment = self._table.assignments[victim.key]
        grant = assignment.grants[pool]
        if victim.running is None:
            grant.new_nodes.remove(victim.nodes)
            if victim.nodes in grant.waiting:
                grant.waiting.remove(victim.nodes)
        else:
            grant.running.remove(victim.running)
            assignment.evicted.append((pool, victim.running))
        assignment.displaced_by[taker] = assignment.displaced_by.get(taker, 0) + 1
        self._table.packing[pool].release(victim.shape, victim.nodes)
        self._victims.pop(pool, None)  # a group's next one may be chosen now
        self._hopeless.clear()


def _choose(shape: Shape, packing: PoolPacking, victims: Sequence[Victim]) -> list[Victim] | None:
    """The victims that make room for one replica, or ``None`` when all of them would not."""
    by_node: defaultdict[str, list[Victim]] = defaultdict(list)
    for victim in victims:
        for name in victim.nodes:
            by_node[name].append(victim)
    limited = _below_limit(shape, packing, victims)
    if limited is None:
        return None
    offers = [offer for node in packing.usable_nodes() if (offer := _offer(node, shape, by_node.get(node.name, [])))]
    offers.sort(key=lambda offer: (_harm(offer.victims), offer.node))
    if len(offers) < shape.nodes:
        return None
    chosen: dict[int, Victim] = {id(v): v for offer in offers[: shape.nodes] for v in offer.victims}
    chosen |= {id(v): v for v in limited}
    return list(chosen.values())


@dataclass(frozen=True, slots=True)
class _Offer:
    """A node that would have room, and who would have to leave it."""

    node: str
    victims: tuple[Victim, ...]


def _offer(node: NodeState, shape: Shape, victims: Sequence[Victim]) -> _Offer | None:
    if shape.nodes > 1 and node.total != shape.per_node:
        return None
    free, leaving = node.free, []
    for victim in sorted(victims, key=lambda victim: victim.importance):
        if free >= shape.per_node:
            break
        free += victim.shape.per_node
        leaving.append(victim)
    if free < shape.per_node:
        return None
    return _Offer(node.name, tuple(_needed(leaving, free - shape.per_node)))


def _needed(leaving: list[Victim], spare: int) -> list[Victim]:
    """The victims without those whose devices are to spare, the most important ones spared first."""
    needed = list(leaving)
    for victim in reversed(leaving):
        if victim.shape.per_node <= spare:
            needed.remove(victim)
            spare -= victim.shape.per_node
    return needed


def _below_limit(shape: Shape, packing: PoolPacking, victims: Sequence[Victim]) -> list[Victim] | None:
    """Who must go for the pool's limit alone; ``None`` when all would not be enough."""
    limit = packing.pool.limit
    over = packing.granted + shape.devices - limit if limit is not None else 0
    leaving: list[Victim] = []
    for victim in sorted(victims, key=lambda victim: victim.importance):
        if over <= 0:
            break
        over -= victim.shape.devices
        leaving.append(victim)
    return leaving if over <= 0 else None


def _harm(victims: Sequence[Victim]) -> tuple[int, int, int]:
    """How bad it is to lose them: the most important one counts first, then the unmarked ones, then the devices."""
    if not victims:
        return (-9, 0, 0)
    worst = max(-int(victim.priority[1:]) for victim in victims)
    unmarked = sum(1 for victim in victims if victim.running is not None and not victim.running.marked)
    return (worst, unmarked, sum(victim.shape.devices for victim in victims))
