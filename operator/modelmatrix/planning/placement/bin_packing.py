"""Packing replicas into nodes: best fit for parts of a node, whole free nodes for groups. Pure.

The packing is virtual: the scheduler places pods. What is taken here is what the scheduler can find, if it packs as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from modelmatrix.planning.inventory.pool_state import NodeState, PoolState


@dataclass(frozen=True, slots=True)
class ReplicaShape:
    """Devices and nodes of one replica. Several nodes are used whole."""

    devices: int
    nodes: int

    @property
    def per_node(self) -> int:
        """Devices on each node."""
        return self.devices // self.nodes


@dataclass(slots=True)
class PoolBins:
    """Free devices of one pool while a plan is made.

    ``granted`` counts the devices of this operator, kept and taken, against the pool's limit. Nodes are kept in buckets
    by their free devices, so that taking a replica does not look at every node.
    """

    pool: PoolState
    granted: int = 0
    _buckets: dict[int, dict[str, NodeState]] = field(default_factory=dict)
    _by_name: dict[str, NodeState] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in self.pool.nodes:
            self._by_name[node.name] = node
            if node.usable:
                self._buckets.setdefault(node.free, {})[node.name] = node

    def retain(self, shape: ReplicaShape, count: int) -> int:
        """Grant up to ``count`` replicas that run already; fewer when the pool's limit was cut."""
        kept = min(count, self._below_limit(shape))
        self.granted += kept * shape.devices
        return kept

    def allocate(self, shape: ReplicaShape, *, lacking: int) -> tuple[NodeState, ...] | None:
        """Grant one replica: the nodes that it takes, or ``None`` when there is no room.

        ``lacking`` is the number of nodes that it does not have yet.
        """
        if self._below_limit(shape) < 1:
            return None
        nodes = self._best_fit(shape) if shape.nodes == 1 else self._whole_nodes(shape, lacking)
        if nodes is None:
            return None
        for node in nodes:
            self._set_free(node, node.free - shape.per_node)
        self.granted += shape.devices
        return nodes

    def release(self, shape: ReplicaShape, nodes: Iterable[str]) -> None:
        """Give the devices of a replica back to its nodes."""
        self.granted -= shape.devices
        for name in nodes:
            node = self._by_name.get(name)
            if node is not None and node.usable:
                self._set_free(node, node.free + shape.per_node)

    def room(self, shape: ReplicaShape) -> int:
        """Replicas of the shape that would still find room."""
        if shape.nodes == 1:
            found = sum((free // shape.devices) * len(nodes) for free, nodes in self._buckets.items() if free > 0)
        else:
            found = self._count_whole(shape) // shape.nodes
        return min(found, self._below_limit(shape))

    def would_fit(self, shape: ReplicaShape, freed: Mapping[str, int]) -> bool:
        """Whether one replica would find room if so many devices of ours came free on the nodes named."""
        return self.room_after(shape, freed) > 0

    def room_after(self, shape: ReplicaShape, freed: Mapping[str, int]) -> int:
        """Replicas that would find room if so many devices of ours came free on the nodes named."""
        below_limit = self._below_limit(shape, freed=sum(freed.values()))
        if not below_limit:
            return 0
        free = ((node, node.free + freed.get(node.name, 0)) for node in self.usable_nodes())
        if shape.nodes == 1:
            found = sum(devices // shape.devices for _, devices in free if devices > 0)
        else:
            found = sum(1 for node, devices in free if devices == node.total == shape.per_node) // shape.nodes
        return min(found, below_limit)

    def node(self, name: str) -> NodeState | None:
        """The node of that name."""
        return self._by_name.get(name)

    def usable_nodes(self) -> Iterable[NodeState]:
        """Nodes that new replicas may use, by name."""
        return (node for node in self.pool.nodes if node.usable)

    def _below_limit(self, shape: ReplicaShape, freed: int = 0) -> int:
        limit = self.pool.limit
        if limit is None:
            return 1_000_000
        return max(0, (limit - self.granted + freed) // shape.devices)

    def _best_fit(self, shape: ReplicaShape) -> tuple[NodeState, ...] | None:
        enough = [free for free, nodes in self._buckets.items() if free >= shape.devices and nodes]
        if not enough:
            return None
        bucket = self._buckets[min(enough)]
        return (bucket[min(bucket)],)

    def _whole_nodes(self, shape: ReplicaShape, count: int) -> tuple[NodeState, ...] | None:
        bucket = self._buckets.get(shape.per_node, {})
        whole = sorted((node for node in bucket.values() if node.total == shape.per_node), key=_really_free_first)
        return tuple(whole[:count]) if len(whole) >= count else None

    def _count_whole(self, shape: ReplicaShape) -> int:
        return sum(1 for node in self._buckets.get(shape.per_node, {}).values() if node.total == shape.per_node)

    def _set_free(self, node: NodeState, free: int) -> None:
        del self._buckets[node.free][node.name]
        node.free = free
        self._buckets.setdefault(free, {})[node.name] = node


def _really_free_first(node: NodeState) -> tuple[int, str]:
    """Nodes that nothing runs on come before those whose pods still terminate."""
    return (node.used, node.name)


def packings(pools: Mapping[str, PoolState]) -> dict[str, PoolBins]:
    """A fresh packing of every pool."""
    return {name: PoolBins(pool) for name, pool in pools.items()}
