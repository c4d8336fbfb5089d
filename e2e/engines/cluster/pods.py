"""Views of the pods of engines: the fields that a simulated engine depends on. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DEPLOYMENT_LABEL = "modelmatrix.io/deployment"
ENGINE_LABEL = "modelmatrix.io/engine"
ROLE_LABEL = "modelmatrix.io/role"
LEADER = "leader"
# Label or annotation: LeaderWorkerSet writes names as labels and the size as an annotation.
GROUP_SET = "leaderworkerset.sigs.k8s.io/name"
GROUP_INDEX = "leaderworkerset.sigs.k8s.io/group-index"
GROUP_KEY = "leaderworkerset.sigs.k8s.io/group-key"
GROUP_SIZE = "leaderworkerset.sigs.k8s.io/size"


@dataclass(frozen=True, slots=True)
class PodKey:
    """Namespace and name."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodView:
    """A pod of an engine. ``group`` is equal for all pods of a multi-node replica, and empty for a single pod.

    ``containers`` are the raw container statuses: a patch replaces the whole list, so it must contain all fields.
    Labels and annotations are for profile functions.
    """

    key: PodKey
    uid: str
    deployment: str
    engine: str
    is_leader: bool
    is_running: bool
    is_ready: bool
    is_terminating: bool
    group: str
    group_size: int
    containers: tuple[dict[str, Any], ...] = field(compare=False)
    arguments: tuple[str, ...]
    labels: dict[str, str] = field(default_factory=dict, compare=False)
    annotations: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def owner(self) -> str:
        """``namespace/deployment``, the key in schedules and profiles."""
        return f"{self.key.namespace}/{self.deployment}"


def pod_view(pod: dict[str, Any]) -> PodView:
    """The view of a raw pod; raises KeyError for a pod without the deployment label."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    first = pod["spec"]["containers"][0]
    return PodView(
        key=PodKey(metadata["namespace"], metadata["name"]),
        uid=metadata["uid"],
        deployment=labels[DEPLOYMENT_LABEL],
        engine=labels.get(ENGINE_LABEL, ""),
        is_leader=labels.get(ROLE_LABEL) == LEADER,
        is_running=status.get("phase") == "Running",
        is_ready=any(
            condition["type"] == "Ready" and condition["status"] == "True" for condition in status.get("conditions") or ()
        ),
        is_terminating="deletionTimestamp" in metadata,
        group=_group(labels, annotations),
        group_size=int(labels.get(GROUP_SIZE) or annotations.get(GROUP_SIZE) or 1),
        containers=tuple(status.get("containerStatuses") or ()),
        arguments=(*(first.get("command") or ()), *(first.get("args") or ())),
        labels=labels,
        annotations=annotations,
    )


def _group(labels: dict[str, str], annotations: dict[str, str]) -> str:
    key = labels.get(GROUP_KEY) or annotations.get(GROUP_KEY)
    if key:
        return key
    name, index = labels.get(GROUP_SET), labels.get(GROUP_INDEX)
    return f"{name}-{index}" if name and index else ""
