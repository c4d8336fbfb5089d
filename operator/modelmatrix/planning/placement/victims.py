"""Choosing who gives way: as few and as unimportant replicas as make room for one. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from modelmatrix.planning.inventory.pool_state import NodeState
from modelmatrix.planning.placement.allocation import ObservedReplica
from modelmatrix.planning.placement.bin_packing import PoolBins, ReplicaShape
from modelmatrix.planning.snapshot.views import NamespacedName


@dataclass(frozen=True, slots=True)
class Victim:
    """A replica that may give way. ``running`` is ``None`` for one that was only planned."""

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


def choose_victims(shape: ReplicaShape, packing: PoolBins, victims: Sequence[Victim]) -> Iterable[Victim] | None:
    """The victims that make room for one replica, or ``None`` when all of them would not."""
    if not packing.would_fit(shape, _freed(victims)):
        return None
    ordered = sorted(victims, key=lambda victim: victim.importance)
    chosen = _for_nodes(shape, packing, ordered)
    for victim in ordered:
        if packing.would_fit(shape, _freed(chosen.values())):
            break
        chosen.setdefault(id(victim), victim)  # the nodes are there, only the pool's limit is in the way
    for number, _ in sorted(chosen.items(), key=lambda item: item[1].importance, reverse=True):
        others = {other: victim for other, victim in chosen.items() if other != number}
        if packing.would_fit(shape, _freed(others.values())):
            chosen = others
    return chosen.values()


def _freed(victims: Iterable[Victim]) -> Counter[str]:
    """Devices by node that come free when they go."""
    freed: Counter[str] = Counter()
    for victim in victims:
        for name in victim.nodes:
            freed[name] += victim.shape.per_node
    return freed


def _for_nodes(shape: ReplicaShape, packing: PoolBins, victims: Sequence[Victim]) -> dict[int, Victim]:
    """Who leaves the nodes that cost the least. Where a group goes, its other nodes are free too, and cost nothing more."""
    by_node: defaultdict[str, list[Victim]] = defaultdict(list)
    for victim in victims:
        for name in victim.nodes:
            by_node[name].append(victim)
    nodes = {node.name: node for node in packing.usable_nodes() if shape.nodes == 1 or node.total == shape.per_node}
    offers = {name: _offer(node, shape, by_node[name]) for name, node in nodes.items()}
    chosen: dict[int, Victim] = {}
    for _ in range(shape.nodes):
        best = min((offer for offer in offers.values() if offer), key=lambda offer: (offer.harm, offer.node))
        offers[best.node] = None
        chosen |= {id(victim): victim for victim in best.victims}
        for name in {name for victim in best.victims for name in victim.nodes if offers.get(name)}:
            offers[name] = _offer(nodes[name], shape, by_node[name], gone=chosen)
    return chosen


@dataclass(frozen=True, slots=True)
class _NodeCandidate:
    """A node that would have room, who would have to leave it, and how bad that is."""

    node: str
    victims: tuple[Victim, ...]
    harm: tuple[int, int, int]


def _offer(node: NodeState, shape: ReplicaShape, victims: Sequence[Victim], gone: Container[int] = ()) -> _NodeCandidate | None:
    """What the node offers; ``victims`` are the least important first, ``gone`` those that go already."""
    free = node.free + sum(victim.shape.per_node for victim in victims if id(victim) in gone)
    leaving = []
    for victim in victims:
        if free >= shape.per_node:
            break
        if id(victim) not in gone:
            free += victim.shape.per_node
            leaving.append(victim)
    if free < shape.per_node:
        return None
    needed = _needed(leaving, free - shape.per_node)
    return _NodeCandidate(node.name, tuple(needed), _harm(needed))


def _needed(leaving: list[Victim], spare: int) -> list[Victim]:
    """The victims without those whose devices are to spare, the most important ones spared first."""
    needed = list(leaving)
    for victim in reversed(leaving):
        if victim.shape.per_node <= spare:
            needed.remove(victim)
            spare -= victim.shape.per_node
    return needed


def _harm(victims: Sequence[Victim]) -> tuple[int, int, int]:
    """How bad it is to lose them: the most important one counts first, then the unmarked ones, then the devices."""
    if not victims:
        return (-9, 0, 0)
    worst = max(-victim.priority_rank for victim in victims)
    unmarked = sum(1 for victim in victims if victim.running is not None and not victim.running.marked)
    return (worst, unmarked, sum(victim.shape.devices for victim in victims))
