"""Views of pods: the devices they hold, the workload they belong to, and the problem that keeps them from serving."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from modelmatrix.api import names
from modelmatrix.api.conditions import parse_timestamp
from modelmatrix.api.quantity import count
from modelmatrix.cluster.views.tolerant import ignore_object, tolerant
from modelmatrix.planning.snapshot.views import NamespacedName, PodView

Object = Mapping[str, Any]

GROUP_LABEL = "leaderworkerset.sigs.k8s.io/group-index"
FAILING_RESTARTS = 3  # fewer restarts are often transient, e.g. a slow object store
_TERMINAL_PHASES = ("Succeeded", "Failed")
# Terminated pods, e.g. of CronJobs, are many and hold no devices. A watch with this selector reports their end as DELETED.
LIVE_PODS_SELECTOR = ",".join(f"status.phase!={phase}" for phase in _TERMINAL_PHASES)
_BAD_WAITING = ("CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError", "InvalidImageName")


@tolerant(ignore_object)
def pod_view(item: Object) -> PodView | None:
    """A pod that holds devices or that the operator manages; nothing for every other pod."""
    metadata, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
    labels = metadata.get("labels") or {}
    managed = labels.get(names.LABEL_MANAGED_BY) == names.MANAGED_BY and names.LABEL_DEPLOYMENT in labels
    devices = _devices(spec)
    if (not devices and not managed) or status.get("phase") in _TERMINAL_PHASES:
        return None
    conditions = {condition.get("type"): condition for condition in status.get("conditions") or ()}
    ready = conditions.get("Ready", {})
    problem, failing = _problem(status, conditions)
    return PodView(
        key=NamespacedName(metadata.get("namespace", ""), metadata["name"]),
        uid=metadata.get("uid", ""),
        node=spec.get("nodeName", ""),
        devices=devices,
        created_seconds=parse_timestamp(metadata.get("creationTimestamp", "")),
        deleting="deletionTimestamp" in metadata,
        workload=labels.get(names.LABEL_APP_INSTANCE, "") if managed else "",
        leader=labels.get(names.LABEL_ROLE) == names.ROLE_LEADER,
        group=labels.get(GROUP_LABEL, ""),
        ready=ready.get("status") == "True",
        ready_seconds=parse_timestamp(ready.get("lastTransitionTime") or ""),
        marked=str((metadata.get("annotations") or {}).get(names.DELETION_COST, "")).startswith("-"),
        problem=problem,
        failing=failing,
    )


def _devices(spec: Object) -> dict[str, int]:
    """Devices that a pod holds by resource: the maximum of all containers with all sidecars and of any init container.

    An init container runs beside the sidecars that were started before it (KEP-753).
    """
    sidecars: Counter[str] = Counter()
    starting: Counter[str] = Counter()
    for container in spec.get("initContainers") or ():
        requested = _sum_devices((container,))
        requested.update(sidecars)
        if container.get("restartPolicy") == "Always":
            sidecars = requested
        starting |= requested
    running = _sum_devices(spec.get("containers") or ())
    running.update(sidecars)
    return {resource: max(running[resource], starting[resource]) for resource in {**running, **starting}}


def _sum_devices(containers: Iterable[Object]) -> Counter[str]:
    total: Counter[str] = Counter()
    for container in containers:
        resources = container.get("resources") or {}
        requested = resources.get("requests") or resources.get("limits") or {}
        for resource, value in requested.items():
            if "/" in resource:
                total[resource] += count(value)
    return total


def _problem(status: Object, conditions: Mapping[Any, Object]) -> tuple[str, bool]:
    """The scheduler's or kubelet's message why the pod does not serve, and whether it fails repeatedly."""
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return str(scheduled.get("message", "")), False
    statuses = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    for container in statuses:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _BAD_WAITING:
            ended = (container.get("lastState") or {}).get("terminated") or {}
            code = f"; the container ended with exit code {ended['exitCode']}" if "exitCode" in ended else ""
            text = f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
            return f"{text}{code}", True
        if container.get("restartCount", 0) >= FAILING_RESTARTS and not container.get("ready"):
            return f"container {container.get('name')} was restarted {container['restartCount']} times", True
    return "", False
