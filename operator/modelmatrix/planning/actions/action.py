"""Changes that a plan needs, as data. The applier executes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelmatrix.api.names import Kind
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.snapshot.views import NamespacedName


@dataclass(frozen=True, slots=True)
class Create:
    """Create an object. An object of that name that we do not manage is a name conflict."""

    kind: Kind
    key: NamespacedName
    deployment: NamespacedName
    manifest: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Apply:
    """Apply the manifest to a managed object, by server-side apply. ``uid`` guards against another object of that name."""

    kind: Kind
    key: NamespacedName
    deployment: NamespacedName
    manifest: Mapping[str, Any]
    uid: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Change nothing but the number of replicas of a workload."""

    kind: Kind
    key: NamespacedName
    deployment: NamespacedName
    uid: str
    replicas: int


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a managed object; its pods drain."""

    kind: Kind
    key: NamespacedName
    deployment: NamespacedName
    uid: str


@dataclass(frozen=True, slots=True)
class Adopt:
    """Make the deployment the owner of a workload that has lost its own and whose manifest is not rendered any more.

    ``owners`` are all owner references that it has then.
    """

    kind: Kind
    key: NamespacedName
    deployment: NamespacedName
    uid: str
    owners: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class SetDeletionCost:
    """Mark a pod so that its controller removes it first when the workload shrinks, because its node is needed."""

    kind: Kind
    key: NamespacedName
    deployment: NamespacedName
    uid: str


Action = Create | Apply | Scale | Adopt | SetDeletionCost | Delete


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An Event: what happened to a deployment or pool, and why."""

    kind: Kind
    key: NamespacedName
    uid: str
    action: str
    reason: Reason
    message: str
    warning: bool = False
