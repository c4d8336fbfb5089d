"""What pods reserve and nodes offer: devices by resource name, and CPU, memory, local storage and pods beside them.

A pod reserves the maximum of all containers with all sidecars and of any init container, and its overhead. An init container
runs beside the sidecars that were started before it (KEP-753). Requests of the pod as a whole (KEP-2837) come in place of
those of its containers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from modelmatrix.api.quantity import count, millicores
from modelmatrix.cluster.views.tolerant import ignore_object, tolerant
from modelmatrix.planning.snapshot.views import NO_COMPUTE, Compute

Object = Mapping[str, Any]

_CPU, _MEMORY, _STORAGE, _PODS = "cpu", "memory", "ephemeral-storage", "pods"
_ENDED = ("Succeeded", "Failed")


class OtherPod(NamedTuple):
    """A pod that holds no devices and is not ours: its node, and what it reserves there."""

    node: str
    requests: Compute


def pod_resources(spec: Object) -> tuple[dict[str, int], Compute]:
    """What a pod reserves: devices by resource name, and what it reserves beside them."""
    starting, running = _starting_and_running(spec)
    reserved = {name: max(running[name], starting[name]) for name in {**running, **starting}}
    reserved |= _amounts((spec.get("resources") or {}).get("requests") or {})
    overhead = _amounts(spec.get("overhead") or {})
    devices = {name: amount for name, amount in reserved.items() if "/" in name}
    return devices, _compute(Counter(reserved) + Counter(overhead), pods=1)


def device_counts(resources: Object | None) -> dict[str, int]:
    """Devices by resource name: the resources whose names contain a slash."""
    return {name: count(value) for name, value in (resources or {}).items() if "/" in name}


def node_compute(allocatable: Object | None) -> Compute | None:
    """What a node offers beside devices; ``None`` where it does not name all four."""
    if not allocatable or any(name not in allocatable for name in (_CPU, _MEMORY, _STORAGE, _PODS)):
        return None
    return _compute(_amounts(allocatable), pods=count(allocatable[_PODS]))


@tolerant(ignore_object)
def other_pod(item: Object) -> OtherPod | None:
    """The share of its node that any pod has; nothing of one that has no node or has ended."""
    spec = item.get("spec") or {}
    node = spec.get("nodeName", "")
    if not node or (item.get("status") or {}).get("phase") in _ENDED:
        return None
    return OtherPod(node, pod_resources(spec)[1])


def background_of(pods: Iterable[OtherPod]) -> dict[str, Compute]:
    """What the pods reserve, by node."""
    sums: dict[str, Compute] = {}
    for pod in pods:
        sums[pod.node] = sums.get(pod.node, NO_COMPUTE).plus(pod.requests)
    return sums


def _starting_and_running(spec: Object) -> tuple[Counter[str], Counter[str]]:
    """The most that init containers reserve at a time, and what the pod reserves once it runs."""
    sidecars: Counter[str] = Counter()
    starting: Counter[str] = Counter()
    for container in spec.get("initContainers") or ():
        requested = _requested((container,))
        requested.update(sidecars)
        if container.get("restartPolicy") == "Always":
            sidecars = requested
        starting |= requested
    running = _requested(spec.get("containers") or ())
    running.update(sidecars)
    return starting, running


def _requested(containers: Iterable[Object]) -> Counter[str]:
    total: Counter[str] = Counter()
    for container in containers:
        resources = container.get("resources") or {}
        # The API server fills requests from limits; files may not have passed it.
        total.update(_amounts({**(resources.get("limits") or {}), **(resources.get("requests") or {})}))
    return total


def _amounts(resources: Object) -> dict[str, int]:
    """Devices and what stands beside them, each as a whole number of its unit; CPU in thousandths of a core."""
    known = (_MEMORY, _STORAGE)
    amounts = {name: count(value) for name, value in resources.items() if "/" in name or name in known}
    if _CPU in resources:
        amounts[_CPU] = millicores(resources[_CPU])
    return amounts


def _compute(amounts: Mapping[str, int], *, pods: int) -> Compute:
    return Compute(amounts.get(_CPU, 0), amounts.get(_MEMORY, 0), amounts.get(_STORAGE, 0), pods)
