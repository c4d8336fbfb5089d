"""The state of each node of a pool: whether new replicas may come, and how many devices are free for them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modelmatrix.api.accelerator_pool import Toleration
from modelmatrix.planning.inventory.pod_compute import Scarcity, scarcity, served_devices
from modelmatrix.planning.inventory.pool_state import Holder, NodeState
from modelmatrix.planning.inventory.taints import PREFERENCE, untolerated
from modelmatrix.planning.inventory.usage import DeviceUsage, NodeUsage
from modelmatrix.planning.snapshot.views import NodeView, PodView

_UNUSED = NodeUsage()


@dataclass(frozen=True, slots=True)
class PoolTerms:
    """What a pool says about its nodes: the resource, the tolerations of its pods, the devices of a whole node."""

    resource: str
    tolerations: Sequence[Toleration]
    size: int


def device_count(node: NodeView, resource: str) -> int:
    """Devices that a node has, unhealthy ones too; 0 while it offers none, which says nothing about what it has."""
    return max(node.capacity.get(resource, 0), node.allocatable.get(resource, 0))


def known_sizes(nodes: Sequence[NodeView], resource: str) -> Counter[int]:
    """How many nodes have how many devices, of those that offer devices."""
    return Counter(size for node in nodes if (size := device_count(node, resource)))


def node_state(node: NodeView, terms: PoolTerms, usage: Mapping[str, NodeUsage]) -> NodeState:
    """The state of one node."""
    used = usage.get(node.name, _UNUSED)
    device = used.of(terms.resource)
    size = device_count(node, terms.resource)
    taints = untolerated(node.taints, terms.tolerations) if node.taints else []
    blocking = next((taint for taint in taints if taint.effect != PREFERENCE), None)
    is_usable = node.ready and node.schedulable and blocking is None and size > 0
    allocatable = node.allocatable.get(terms.resource, 0) if size else terms.size
    free, scarce = _free(node, allocatable, device, used) if is_usable else (0, None)
    return NodeState(
        name=node.name,
        total=size or terms.size,
        allocatable=allocatable,
        used=device.used,
        terminating=device.terminating,
        usable=is_usable,
        ready=node.ready,
        free=free,
        schedulable=node.schedulable,
        known=size > 0,
        taint=blocking,
        avoided=blocking is None and bool(taints),
        scarce=scarce,
        overdue=_holders(device.overdue, terms.resource),
        foreign=_holders(device.foreign, terms.resource),
    )


def _free(node: NodeView, allocatable: int, device: DeviceUsage, used: NodeUsage) -> tuple[int, Scarcity | None]:
    """Devices for new replicas, and what keeps further free ones from them."""
    free = allocatable - device.used + device.terminating
    if node.compute is None:
        return free, None
    left = node.compute.minus(used.compute)
    return min(free, served_devices(left)), scarcity(left, node.compute, free)


def _holders(pods: Sequence[PodView], resource: str) -> tuple[Holder, ...]:
    """The pods by name, so that their order does not follow that of a cache."""
    if not pods:
        return ()
    holders = (Holder(pod.key, pod.devices[resource], pod.priority_class, pod.grace_ends_seconds) for pod in pods)
    return tuple(sorted(holders))
