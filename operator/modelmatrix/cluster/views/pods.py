"""Views of pods: the devices they hold, the workload they belong to, and the problem that keeps them from serving."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelmatrix.api import names
from modelmatrix.api.conditions import parse_timestamp
from modelmatrix.cluster.views.pod_problems import failed_pod_problem, pod_problem
from modelmatrix.cluster.views.resources import pod_resources
from modelmatrix.cluster.views.tolerant import ignore_object, tolerant
from modelmatrix.planning.snapshot.views import NO_COMPUTE, ControllerView, NamespacedName, PodView, Stage

Object = Mapping[str, Any]

GROUP_LABEL = "leaderworkerset.sigs.k8s.io/group-index"
# Terminated pods, e.g. of CronJobs, are many and hold no devices. A watch with this selector reports their end as DELETED.
LIVE_PODS_SELECTOR = "status.phase!=Succeeded,status.phase!=Failed"
# Failed pods of ours are read beside them: the kubelet's refusals are written nowhere else.
FAILED_PODS_SELECTOR = "status.phase=Failed"


@tolerant(ignore_object)
def pod_view(item: Object) -> PodView | None:
    """A pod that holds devices or that the operator manages; nothing for every other pod, and for one that succeeded."""
    metadata, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
    labels = metadata.get("labels") or {}
    managed = labels.get(names.LABEL_MANAGED_BY) == names.MANAGED_BY and names.LABEL_DEPLOYMENT in labels
    has_failed = status.get("phase") == "Failed"
    devices, requests = ({}, NO_COMPUTE) if has_failed else pod_resources(spec)
    if (not devices and not managed) or status.get("phase") == "Succeeded":
        return None
    conditions = {condition.get("type"): condition for condition in status.get("conditions") or ()}
    ready, scheduled = conditions.get("Ready", {}), conditions.get("PodScheduled", {})
    ended_seconds = _ended_seconds(metadata, status) if has_failed else 0.0
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
        ready=ready.get("status") == "True" and not has_failed,
        ready_seconds=parse_timestamp(ready.get("lastTransitionTime") or ""),
        marked=str((metadata.get("annotations") or {}).get(names.DELETION_COST, "")).startswith("-"),
        stage=_stage(metadata, spec, status, is_ready=ready.get("status") == "True"),
        problem=failed_pod_problem(status, ended_seconds) if has_failed else pod_problem(metadata, spec, status),
        controller_uid=controller_uid(metadata),
        bound_seconds=parse_timestamp(scheduled.get("lastTransitionTime") or "") if spec.get("nodeName") else 0.0,
        ended_seconds=ended_seconds,
        requests=requests,
        grace_ends_seconds=parse_timestamp(metadata.get("deletionTimestamp") or ""),
        priority_class=spec.get("priorityClassName") or "",
    )


@tolerant(ignore_object)
def controller_view(item: Object) -> ControllerView:
    """A ReplicaSet or StatefulSet."""
    metadata = item["metadata"]
    key = NamespacedName(metadata.get("namespace", ""), metadata["name"])
    return ControllerView(key, metadata.get("uid", ""), controller_uid(metadata))


def controller_uid(metadata: Object) -> str:
    """The UID of an object's controller; empty without one."""
    owners = metadata.get("ownerReferences") or ()
    return next((str(owner["uid"]) for owner in owners if owner.get("controller")), "")


def _stage(metadata: Object, spec: Object, status: Object, *, is_ready: bool) -> Stage:
    if status.get("phase") == "Failed":
        return Stage.FAILED
    if "deletionTimestamp" in metadata:
        return Stage.DRAINING
    if is_ready:
        return Stage.SERVING
    main, initial = status.get("containerStatuses") or (), status.get("initContainerStatuses") or ()
    if main and all((container.get("state") or {}).get("running") is not None for container in main):
        return Stage.STARTED
    if any(container.get("imageID") for container in (*initial, *main)):
        return Stage.PULLED
    return Stage.BOUND if spec.get("nodeName") else Stage.CREATED


def _ended_seconds(metadata: Object, status: Object) -> float:
    """The newest time that a pod which has ended carries."""
    ended = [(container.get("state") or {}).get("terminated") or {} for container in status.get("containerStatuses") or ()]
    times = [
        metadata.get("creationTimestamp"),
        *(condition.get("lastTransitionTime") for condition in status.get("conditions") or ()),
        *(end.get("finishedAt") for end in ended),
    ]
    return max(parse_timestamp(time or "") for time in times)
