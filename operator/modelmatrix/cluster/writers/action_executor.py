"""Executes one action at the API server with as few requests as possible. Objects with another owner are never changed.

A create is one POST. An apply is one server-side apply, preceded at most once per object by a read and a patch that hand
the fields of the create over to the apply (see :mod:`.managed_fields`). Every write names the UID of the object that the
plan has seen, so that the API server refuses to change another object of the same name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from contextlib import suppress
from typing import Any

from modelmatrix.api.names import DELETION_COST, LABEL_DEPLOYMENT, LABEL_MANAGED_BY
from modelmatrix.cluster.client import ApiClient, Object
from modelmatrix.cluster.errors import AlreadyExists, Conflict, NotFound
from modelmatrix.cluster.writers.inflight import WriteKey
from modelmatrix.cluster.writers.managed_fields import convert_updates_to_apply
from modelmatrix.planning.actions.action import Action, Adopt, Apply, Create, Delete, Scale, SetDeletionCost
from modelmatrix.planning.rendering.manifest import first_drift

LOWEST_DELETION_COST = "-1000"
MAX_TRACKED_OBJECTS = 16384  # more objects than a fleet has; an object that is forgotten costs one read


class ActionExecutor:
    """Executes actions. It remembers by UID the objects whose fields all belong to the operator's applies."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._applied: dict[WriteKey, str] = {}

    async def execute(self, action: Action, *, repeated: bool = False) -> str:
        """Execute an action. A ``repeated`` apply returns the path of the first field that had drifted; all else ``""``.

        Raises:
            ApiError: the API server refused it.
            TransientError: there is no usable response.
        """
        match action:
            case Create():
                await self._create(action)
            case Apply():
                return await self._reapply(action) if repeated else await self._apply(action)
            case Scale():
                await self._merge(action, {"metadata": {"uid": action.uid}, "spec": {"replicas": action.replicas}})
            case Adopt():
                await self._merge(action, {"metadata": {"uid": action.uid, "ownerReferences": [*action.owners]}})
            case SetDeletionCost():
                annotations = {DELETION_COST: LOWEST_DELETION_COST}
                await self._merge(action, {"metadata": {"uid": action.uid, "annotations": annotations}})
            case Delete():
                self._applied.pop(write_key(action), None)
                await _ignore_not_found(self._client.delete(action.kind, action.key, uid=action.uid))
        return ""

    async def _create(self, action: Create) -> None:
        """Create. An existing object of others is a name conflict; one of the same owner, or an orphan, gets the manifest.

        The informer does not show such an object when it has lost the labels of the selector, or does not show it yet.
        """
        try:
            await self._client.create(action.kind, action.key, dict(action.manifest))
        except AlreadyExists as error:
            stored = await self._read(action)
            if not _is_ours(action.manifest, stored):
                raise
            if "deletionTimestamp" in stored["metadata"]:
                raise Conflict(error.code, error.reason, "the object is being deleted") from None
            await self._adopt_fields(action, stored)
            await self._server_side_apply(action, stored["metadata"]["uid"])

    async def _apply(self, action: Apply) -> str:
        if self._applied.get(write_key(action)) != action.uid:
            await self._adopt_fields(action, await self._read(action, uid=action.uid))
        await self._server_side_apply(action, action.uid)
        return ""

    async def _reapply(self, action: Apply) -> str:
        """Apply a manifest again, and return the first field that has changed since the last apply."""
        stored = await self._read(action, uid=action.uid)
        await self._adopt_fields(action, stored)
        await self._server_side_apply(action, action.uid)
        return first_drift(stored, action.manifest)

    async def _read(self, action: Create | Apply, *, uid: str = "") -> Object:
        try:
            stored = await self._client.get(action.kind, action.key)
        except NotFound as error:
            raise Conflict(error.code, error.reason, "the object was deleted meanwhile") from None
        if uid and stored["metadata"].get("uid") != uid:
            raise Conflict(409, "Conflict", "another object has this name now")
        return stored

    async def _adopt_fields(self, action: Create | Apply, stored: Object) -> None:
        """Hand the fields that the create has set over to the applies, so that an apply can remove them."""
        metadata = stored["metadata"]
        fields = convert_updates_to_apply(metadata.get("managedFields") or ())
        if fields is not None:
            same = {name: metadata[name] for name in ("uid", "resourceVersion")}
            await self._client.merge(action.kind, action.key, {"metadata": {**same, "managedFields": fields}})
        if len(self._applied) >= MAX_TRACKED_OBJECTS:
            self._applied.clear()
        self._applied[write_key(action)] = metadata["uid"]

    async def _server_side_apply(self, action: Create | Apply, uid: str) -> None:
        """Apply the manifest; with the UID in it the API server refuses to change another object of the same name."""
        metadata = {**action.manifest["metadata"], "uid": uid}
        await self._client.apply(action.kind, action.key, {**action.manifest, "metadata": metadata})

    async def _merge(self, action: Scale | Adopt | SetDeletionCost, patch: Object) -> None:
        await _ignore_not_found(self._client.merge(action.kind, action.key, patch))


async def _ignore_not_found(write: Awaitable[object]) -> None:
    """Scale and delete treat an object that no longer exists as success."""
    with suppress(NotFound):
        await write


def _is_ours(manifest: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """Whether a stored object has the owner of the manifest, or no controller and the labels that say whose it is."""
    if _owner_uids(manifest) & _owner_uids(stored):
        return True
    controlled = any(owner.get("controller") for owner in stored["metadata"].get("ownerReferences") or ())
    wanted, found = (item["metadata"].get("labels") or {} for item in (manifest, stored))
    labels = (LABEL_MANAGED_BY, LABEL_DEPLOYMENT)
    return not controlled and all(label in wanted and found.get(label) == wanted[label] for label in labels)


def _owner_uids(item: Mapping[str, Any]) -> set[str]:
    return {owner["uid"] for owner in item["metadata"].get("ownerReferences") or () if owner.get("uid")}


def write_key(action: Action) -> WriteKey:
    """The kind (plural) and the key of the object that an action writes."""
    return (action.kind.plural, action.key)
