"""Pools as they are: their nodes, their devices and their problems. Data only; ``collect`` reads it off a snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from modelmatrix.api.accelerator_pool import AcceleratorPoolSpec
from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.accelerators import Accelerator
from modelmatrix.planning.inventory.pod_compute import Scarcity
from modelmatrix.planning.snapshot.views import NamespacedName, PoolView, Taint


class PoolProblem(NamedTuple):
    """What is wrong with a pool, and what to change."""

    reason: Reason
    message: str


class Holder(NamedTuple):
    """A pod that holds devices of a node. ``grace_ends_seconds`` is set when it terminates."""

    pod: NamespacedName
    devices: int
    priority_class: str
    grace_ends_seconds: float


@dataclass(frozen=True, slots=True)
class NodeState:
    """Devices of one node of a pool.

    ``total`` counts unhealthy devices too. ``terminating`` are devices of managed pods that terminate: free soon, not now.
    ``usable`` is false for nodes that are not ready, cordoned, tainted or not ``known``: what runs there stays, nothing new
    comes. ``free`` are devices for new replicas, terminating ones counted; in a plan's pools without what the plan hands out.
    It is below zero where pods hold more than the node offers since devices became unhealthy: that many must recover first.

    ``known`` is false while the node offers no devices, as during a restart of its device plugin: it counts with the pool's
    size. ``taint`` keeps new replicas away; an ``avoided`` node is the last choice. ``scarce`` is what keeps free devices from
    new replicas. ``overdue`` are managed pods that should have ended, ``foreign`` the pods of others.
    """

    name: str
    total: int
    allocatable: int
    used: int
    terminating: int
    usable: bool
    ready: bool
    free: int
    schedulable: bool = True
    known: bool = True
    taint: Taint | None = None
    avoided: bool = False
    scarce: Scarcity | None = None
    overdue: tuple[Holder, ...] = ()
    foreign: tuple[Holder, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether a new group may take the whole node."""
        return self.usable and self.free == self.total


@dataclass(frozen=True, slots=True)
class PoolState:
    """One pool at planning time. ``problems`` are why it is not Ready; ``own_devices`` are those of managed pods.

    ``notes`` are what else its Ready condition says. ``sizes`` counts nodes by their devices, whatever runs on them;
    ``devices_per_node`` are those of a whole node, ``shape`` is what the status remembers of that. ``due_seconds`` is when a
    pod that terminates there is overdue, in seconds since the epoch.
    ``granted`` are the devices that the plan keeps or hands out, which count against the limit; 0 before placement.
    ``relaxed`` names what takes its pods out of Pod Security ``restricted``.
    """

    view: PoolView
    spec: AcceleratorPoolSpec | None
    accelerator: Accelerator | None
    nodes: tuple[NodeState, ...] = ()
    problems: tuple[PoolProblem, ...] = ()
    notes: tuple[PoolProblem, ...] = ()
    relaxed: str = ""
    own_devices: int = 0
    granted: int = 0
    sizes: Mapping[int, int] = field(default_factory=dict)
    devices_per_node: int = 0
    shape: Mapping[str, Any] | None = None
    due_seconds: float | None = None

    @property
    def name(self) -> str:
        """Name of the pool."""
        return self.view.name

    @property
    def limit(self) -> int | None:
        """Most devices that this operator may use; ``None`` for no limit."""
        return self.spec.limits.devices if self.spec and self.spec.limits else None

    @property
    def images(self) -> frozenset[str]:
        """Engines for which the pool names an image of its own."""
        return frozenset(self.spec.images) if self.spec else frozenset()

    @property
    def total(self) -> int:
        """Devices of all nodes, unhealthy ones too."""
        return sum(node.total for node in self.nodes)

    @property
    def allocated(self) -> int:
        """Devices that pods hold, terminating ones too."""
        return sum(node.used for node in self.nodes)

    @property
    def unhealthy(self) -> int:
        """Devices that nodes have and do not offer."""
        return sum(node.total - node.allocatable for node in self.nodes)

    @property
    def free_now(self) -> int:
        """Devices that new pods may use now."""
        return sum(max(0, node.allocatable - node.used) for node in self.nodes if node.usable)

    def replicas_when_empty(self, *, devices: int, nodes: int) -> int:
        """Replicas that the pool's nodes and its limit hold if nothing else runs there and every node is usable."""
        if nodes > 1:
            held = self.sizes[self.devices_per_node] // nodes
        else:
            held = 0
            for size, count in self.sizes.items():
                held += size // devices * count
        return held if self.limit is None else min(held, self.limit // devices)
