"""Views of pods: which devices they hold, whose they are, and what keeps them from serving."""

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
FAILING_RESTARTS = 3  # fewer restarts are an accident: the API of a slow store, a node's hiccup
_ENDED = ("Succeeded", "Failed")
# The API server need not send what has ended: a CronJob's pods may be many. A watch tells their end as a deletion.
LIVING = ",".join(f"status.phase!={phase}" for phase in _ENDED)
_BAD_WAITING = ("CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError", "InvalidImageName")


@tolerant(ignore_object)
def pod_view(item: Object) -> PodView | None:
    """A pod that holds devices or is ours; nothing for every other pod."""
    metadata, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
    labels = metadata.get("labels") or {}
    ours = labels.get(names.LABEL_MANAGED_BY) == names.MANAGED_BY and names.LABEL_DEPLOYMENT in labels
    devices = _devices(spec)
    if (not devices and not ours) or status.get("phase") in _ENDED:
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
        workload=labels.get(names.LABEL_APP_INSTANCE, "") if ours else "",
        leader=labels.get(names.LABEL_ROLE) == names.ROLE_LEADER,
        group=labels.get(GROUP_LABEL, ""),
        ready=ready.get("status") == "True",
        ready_seconds=parse_timestamp(ready.get("lastTransitionTime") or ""),
        marked=str((metadata.get("annotations") or {}).get(names.DELETION_COST, "")).startswith("-"),
        problem=problem,
        failing=failing,
    )


def _devices(spec: Object) -> dict[str, int]:
    """Devices that a pod holds: all containers with all sidecars, or more where an init container needs more.

    An init container runs beside the sidecars that were started before it (KEP-753).
    """
    sidecars: Counter[str] = Counter()
    starting: Counter[str] = Counter()
    for container in spec.get("initContainers") or ():
        wanted = _sum((container,))
        wanted.update(sidecars)
        if container.get("restartPolicy") == "Always":
            sidecars = wanted
        starting |= wanted
    running = _sum(spec.get("containers") or ())
    running.update(sidecars)
    return {resource: max(running[resource], starting[resource]) for resource in {**running, **starting}}


def _sum(containers: Iterable[Object]) -> Counter[str]:
    total: Counter[str] = Counter()
    for container in containers:
        resources = container.get("resources") or {}
        wanted = resources.get("requests") or resources.get("limits") or {}
        for resource, value in wanted.items():
            if "/" in resource:
                total[resource] += count(value)
    return total


def _problem(status: Object, conditions: Mapping[Any, Object]) -> tuple[str, bool]:
    """What keeps the pod from serving, in the words of those who know; and whether it fails again and again."""
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return str(scheduled.get("message", "")), False
    statuses = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    for container in statuses:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _BAD_WAITING:
            ended = (container.get("lastState") or {}).get("terminated") or {}
            code = f"; it ended with exit code {ended['exitCode']}" if "exitCode" in ended else ""
            text = f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
            return f"{text}{code}", True
        if container.get("restartCount", 0) >= FAILING_RESTARTS and not container.get("ready"):
            return f"container {container.get('name')} was restarted {container['restartCount']} times", True
    return "", False
