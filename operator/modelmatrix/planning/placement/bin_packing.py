"""Packing replicas into nodes: best fit for parts of a node, whole free nodes for groups. Pure.

A pool's nodes are bins. A replica of one node goes to the usable node with the fewest free devices that are enough, which keeps
whole nodes free; of equal nodes the first by name. A replica of several nodes takes that many nodes all of whose devices are
free, those without terminating pods first. Nodes with an untolerated taint PreferNoSchedule are the last choice.

Example: three nodes have 8, 3 and 2 free devices. A replica of 2 devices goes to the third node and another one to the second;
the first stays whole for a group.

Nodes are in buckets by their free devices, so an allocation compares numbers of devices, of which a node has a few, and not the
hundreds of nodes of a pool. The devices that the plan keeps and grants count against the pool's limit.

The packing is a prediction, because the scheduler binds pods. It holds where the scheduler prefers nodes in use as well, which
pods ask for with their affinity (``rendering.scheduling``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from modelmatrix.planning.inventory.pool_state import NodeState, PoolState

_UNLIMITED = 1_000_000  # replicas


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
    """Free devices of one pool while a plan is made; the pool itself stays as it was observed.

    ``granted`` counts the devices of this operator, kept and allocated, against the pool's limit. Usable nodes are in buckets
    by their free devices, so that allocating a replica does not visit every node.
    """

    pool: PoolState
    granted: int = 0
    _free: dict[str, int] = field(default_factory=dict)
    _nodes: dict[str, NodeState] = field(default_factory=dict)
    _buckets: dict[int, dict[str, NodeState]] = field(default_factory=dict)
    _avoids: bool = False

    def __post_init__(self) -> None:
        for node in self.pool.nodes:
            self._avoids = self._avoids or node.avoided
            self._nodes[node.name] = node
            self._free[node.name] = node.free
            if node.usable:
                self._buckets.setdefault(node.free, {})[node.name] = node

    def retain(self, shape: ReplicaShape, count: int) -> int:
        """Grant up to ``count`` replicas that run already; fewer when the pool's limit was lowered."""
        retained = min(count, self._below_limit(shape))
        self.granted += retained * shape.devices
        return retained

    def allocate(self, shape: ReplicaShape, *, lacking: int) -> tuple[NodeState, ...] | None:
        """Grant one replica: the nodes that it gets, or ``None`` when there are none.

        ``lacking`` is the number of nodes that it does not have yet.
        """
        if self._below_limit(shape) < 1:
            return None
        nodes = self._best_fit(shape) if shape.nodes == 1 else self._whole_nodes(shape, lacking)
        if nodes is None:
            return None
        for node in nodes:
            self._set_free(node, self._free[node.name] - shape.per_node)
        self.granted += shape.devices
        return nodes

    def release(self, shape: ReplicaShape, nodes: Iterable[str]) -> None:
        """Give the devices of a replica back to its nodes."""
        self.granted -= shape.devices
        for name in nodes:
            node = self._nodes.get(name)
            if node is not None and node.usable:
                self._set_free(node, self._free[name] + shape.per_node)

    def room(self, shape: ReplicaShape) -> int:
        """Replicas of the shape that would still find devices."""
        if shape.nodes == 1:
            count = sum((free // shape.devices) * len(nodes) for free, nodes in self._buckets.items() if free > 0)
        else:
            count = self._count_whole(shape) // shape.nodes
        return min(count, self._below_limit(shape))

    def would_fit(self, shape: ReplicaShape, freed: Mapping[str, int]) -> bool:
        """Whether one replica would find devices if ``freed`` devices came free, by node."""
        return self.room_after(shape, freed) > 0

    def room_after(self, shape: ReplicaShape, freed: Mapping[str, int]) -> int:
        """Replicas that would find devices if ``freed`` devices came free, by node."""
        below_limit = self._below_limit(shape, freed=sum(freed.values()))
        if not below_limit:
            return 0
        free = ((node, self._free[node.name] + freed.get(node.name, 0)) for node in self.usable_nodes())
        if shape.nodes == 1:
            count = sum(devices // shape.devices for _, devices in free if devices > 0)
        else:
            count = sum(1 for node, devices in free if devices == node.total == shape.per_node) // shape.nodes
        return min(count, below_limit)

    def has_node(self, name: str) -> bool:
        """Whether a node of that name belongs to the pool."""
        return name in self._nodes

    def free(self, node: str) -> int:
        """Devices of a node that are free now; below zero where pods hold more than the node offers."""
        return self._free[node]

    def usable_nodes(self) -> Iterable[NodeState]:
        """Nodes that new replicas may use, by name."""
        return (node for node in self.pool.nodes if node.usable)

    def after(self) -> PoolState:
        """The pool without the devices that were handed out."""
        free = self._free
        nodes = (node if free[node.name] == node.free else replace(node, free=free[node.name]) for node in self.pool.nodes)
        return replace(self.pool, nodes=tuple(nodes), granted=self.granted)

    def _below_limit(self, shape: ReplicaShape, freed: int = 0) -> int:
        limit = self.pool.limit
        if limit is None:
            return _UNLIMITED
        return max(0, (limit - self.granted + freed) // shape.devices)

    def _best_fit(self, shape: ReplicaShape) -> tuple[NodeState, ...] | None:
        enough = [free for free, nodes in self._buckets.items() if free >= shape.devices and nodes]
        if not enough:
            return None
        if self._avoids:
            fitting = ((node.avoided, free, name) for free in enough for name, node in self._buckets[free].items())
            return (self._nodes[min(fitting)[2]],)
        bucket = self._buckets[min(enough)]
        return (bucket[min(bucket)],)

    def _whole_nodes(self, shape: ReplicaShape, count: int) -> tuple[NodeState, ...] | None:
        bucket = self._buckets.get(shape.per_node, {})
        whole = sorted((node for node in bucket.values() if node.total == shape.per_node), key=_unused_first)
        return tuple(whole[:count]) if len(whole) >= count else None

    def _count_whole(self, shape: ReplicaShape) -> int:
        return sum(1 for node in self._buckets.get(shape.per_node, {}).values() if node.total == shape.per_node)

    def _set_free(self, node: NodeState, free: int) -> None:
        del self._buckets[self._free[node.name]][node.name]
        self._free[node.name] = free
        self._buckets.setdefault(free, {})[node.name] = node


def _unused_first(node: NodeState) -> tuple[bool, int, str]:
    """Nodes that nothing runs on come before those whose pods still terminate; avoided ones come last."""
    return (node.avoided, node.used, node.name)
