"""Pods of engines as the API server shows them, reduced to what an engine depends on. Pure; raw objects go in."""

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
    """A pod of an engine. ``group`` is the same for all pods of a multi-node replica, and empty for a pod alone.

    ``containers`` are the raw container statuses: a patch of one field replaces the whole list, so it must know the rest.
    Labels and annotations are for profiles.
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
        """``namespace/deployment``: what schedules and profiles call it."""
        return f"{self.key.namespace}/{self.deployment}"


def pod_view(pod: dict[str, Any]) -> PodView:
    """What matters of a pod."""
    metadata, status = pod["metadata"], pod.get("status") or {}
    labels, notes = metadata.get("labels") or {}, metadata.get("annotations") or {}
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
        group=_group(labels, notes),
        group_size=int(labels.get(GROUP_SIZE) or notes.get(GROUP_SIZE) or 1),
        containers=tuple(status.get("containerStatuses") or ()),
        arguments=(*(first.get("command") or ()), *(first.get("args") or ())),
        labels=labels,
        annotations=notes,
    )


def _group(labels: dict[str, str], notes: dict[str, str]) -> str:
    key = labels.get(GROUP_KEY) or notes.get(GROUP_KEY)
    if key:
        return key
    name, index = labels.get(GROUP_SET), labels.get(GROUP_INDEX)
    return f"{name}-{index}" if name and index else ""
