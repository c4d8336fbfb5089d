"""What a plan wants done, as data. The applier executes it; nothing here knows how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelmatrix.api.names import Kind
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.snapshot.views import NamespacedName


@dataclass(frozen=True, slots=True)
class Create:
    """Make an object that is not there. An object of that name that is not ours is a name conflict."""

    kind: Kind
    key: NamespacedName
    deployment: NamespacedName
    manifest: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Apply:
    """Bring an object of ours to the manifest, by server-side apply. ``uid`` guards against a namesake."""

    kind: Kind
    key: NamespacedName
    deployment: NamespacedName
    manifest: Mapping[str, Any]
    uid: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Change nothing but the number of replicas of a workload whose manifest cannot be made any more."""

    kind: Kind
    key: NamespacedName
    deployment: NamespacedName
    uid: str
    replicas: int


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete an object of ours; its pods drain."""

    kind: Kind
    key: NamespacedName
    deployment: NamespacedName
    uid: str


@dataclass(frozen=True, slots=True)
class SetDeletionCost:
    """Have a pod of ours be the first to go when its workload shrinks: its node is needed, not that of another."""

    kind: Kind
    key: NamespacedName
    deployment: NamespacedName
    uid: str


Action = Create | Apply | Scale | SetDeletionCost | Delete


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Something to tell users as an Event: what happened to a deployment or pool, and why."""

    kind: Kind
    key: NamespacedName
    uid: str
    action: str
    reason: Reason
    message: str
    warning: bool = False
