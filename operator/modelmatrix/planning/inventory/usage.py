"""What pods hold of each node: devices by resource, and the compute beside them. Pure.

Pods of ours that terminate count as gone soon, but only until their grace has ended and a margin has passed: a finalizer, a
process that hangs on a lost device or a dead kubelet can hold a pod, and its devices, for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import NO_COMPUTE, Compute, PodView

TERMINATION_MARGIN_SECONDS = 60.0  # after the grace of a pod, for the kubelet and the API server


@dataclass(slots=True)
class DeviceUsage:
    """Devices of one resource that pods hold on a node. ``terminating`` are free soon; ``overdue`` pods should have ended.

    ``own`` are those of managed pods, ``foreign`` the pods of others.
    """

    used: int = 0
    terminating: int = 0
    own: int = 0
    overdue: list[PodView] = field(default_factory=list)
    foreign: list[PodView] = field(default_factory=list)


@dataclass(slots=True)
class NodeUsage:
    """What pods hold of one node. ``compute`` leaves out pods that terminate and end soon.

    ``due_seconds`` is when the first of them is overdue, in seconds since the epoch.
    """

    compute: Compute = NO_COMPUTE
    devices: dict[str, DeviceUsage] = field(default_factory=dict)
    due_seconds: float | None = None

    def of(self, resource: str) -> DeviceUsage:
        """What pods hold of a resource."""
        return self.devices.get(resource) or DeviceUsage()


def node_usage(snapshot: Snapshot) -> Mapping[str, NodeUsage]:
    """What pods hold, by node."""
    usage = {node: NodeUsage(compute) for node, compute in snapshot.background.items()}
    margin_seconds = TERMINATION_MARGIN_SECONDS / snapshot.time_scale
    for pod in snapshot.pods:
        if pod.node:
            entry = usage.get(pod.node)
            if entry is None:
                entry = usage[pod.node] = NodeUsage()
            _add(entry, pod, snapshot.wall_seconds, margin_seconds)
    return usage


def _add(entry: NodeUsage, pod: PodView, now_seconds: float, margin_seconds: float) -> None:
    ends_soon = False
    if pod.deleting and pod.workload:
        due_seconds = pod.grace_ends_seconds + margin_seconds
        ends_soon = not pod.grace_ends_seconds or now_seconds < due_seconds
        if ends_soon and pod.grace_ends_seconds:
            entry.due_seconds = due_seconds if entry.due_seconds is None else min(entry.due_seconds, due_seconds)
    if not ends_soon and pod.requests is not NO_COMPUTE:
        entry.compute = entry.compute.plus(pod.requests)
    for resource, count in pod.devices.items():
        device = entry.devices.get(resource)
        if device is None:
            device = entry.devices[resource] = DeviceUsage()
        device.used += count
        if not pod.workload:
            device.foreign.append(pod)
            continue
        device.own += count
        if ends_soon:
            device.terminating += count
        elif pod.deleting:
            device.overdue.append(pod)
