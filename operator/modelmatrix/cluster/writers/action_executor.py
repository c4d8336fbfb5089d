"""Carries out one action at the API server, with as few requests as it takes. It never touches what is not ours."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from contextlib import suppress
from typing import Any

from modelmatrix.api.names import DELETION_COST
from modelmatrix.cluster.client import ApiClient, Object
from modelmatrix.cluster.errors import AlreadyExists, Conflict, NotFound
from modelmatrix.cluster.writers.drift import first_drift
from modelmatrix.cluster.writers.inflight import Name
from modelmatrix.cluster.writers.managed_fields import convert_updates_to_apply
from modelmatrix.planning.actions.action import Action, Apply, Create, Delete, Scale, SetDeletionCost

FIRST_TO_GO = "-1000"
REMEMBERED = 16384  # more objects than a fleet has; one that is forgotten costs a read


class ActionExecutor:
    """Carries out actions. It remembers of which objects everything that we have set belongs to our applies."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._applied: dict[Name, str] = {}

    async def send(self, action: Action, *, again: bool = False) -> str:
        """Carry out an action. What was not as wished before, if it is an apply that was done just so ``again``.

        Raises:
            ApiError: it was refused.
            Unreachable: there is no useful answer.
        """
        match action:
            case Create():
                await self._create(action)
            case Apply():
                return await self._reapply(action) if again else await self._apply(action)
            case Scale():
                await self._merge(action, {"metadata": {"uid": action.uid}, "spec": {"replicas": action.replicas}})
            case SetDeletionCost():
                annotations = {DELETION_COST: FIRST_TO_GO}
                await self._merge(action, {"metadata": {"uid": action.uid, "annotations": annotations}})
            case Delete():
                self._applied.pop(write_key(action), None)
                await _unless_gone(self._client.delete(action.kind, action.key, uid=action.uid))
        return ""

    async def _create(self, action: Create) -> None:
        """Create; an object that is there already is ours when its owner is, else it is a conflict of names.

        One that is ours is brought to the manifest: somebody has taken the labels away by which we would have found it.
        """
        try:
            await self._client.create(action.kind, action.key, dict(action.manifest))
        except AlreadyExists as error:
            stored = await self._read(action)
            if not _owners(action.manifest) & _owners(stored):
                raise
            if "deletionTimestamp" in stored["metadata"]:
                raise Conflict(error.code, error.reason, "it is being deleted") from None
            await self._take_over(action, stored)
            await self._put(action, stored["metadata"]["uid"])

    async def _apply(self, action: Apply) -> str:
        if self._applied.get(write_key(action)) != action.uid:
            await self._take_over(action, await self._read(action, uid=action.uid))
        await self._put(action, action.uid)
        return ""

    async def _reapply(self, action: Apply) -> str:
        """Apply what was applied just so, and say where it is not so any more."""
        stored = await self._read(action, uid=action.uid)
        await self._take_over(action, stored)
        await self._put(action, action.uid)
        return first_drift(stored, action.manifest)

    async def _read(self, action: Create | Apply, *, uid: str = "") -> Object:
        try:
            stored = await self._client.get(action.kind, action.key)
        except NotFound as error:
            raise Conflict(error.code, error.reason, "deleted meanwhile") from None
        if uid and stored["metadata"].get("uid") != uid:
            raise Conflict(409, "Conflict", "another object has its name now")
        return stored

    async def _take_over(self, action: Create | Apply, stored: Object) -> None:
        """Make what our create has set a part of our applies, so that they can remove it."""
        metadata = stored["metadata"]
        fields = convert_updates_to_apply(metadata.get("managedFields") or ())
        if fields is not None:
            same = {name: metadata[name] for name in ("uid", "resourceVersion")}
            await self._client.merge(action.kind, action.key, {"metadata": {**same, "managedFields": fields}})
        if len(self._applied) >= REMEMBERED:
            self._applied.clear()
        self._applied[write_key(action)] = metadata["uid"]

    async def _put(self, action: Create | Apply, uid: str) -> None:
        """Apply the manifest; with the UID in it the API server refuses to touch a namesake."""
        metadata = {**action.manifest["metadata"], "uid": uid}
        await self._client.apply(action.kind, action.key, {**action.manifest, "metadata": metadata})

    async def _merge(self, action: Scale | SetDeletionCost, patch: Object) -> None:
        await _unless_gone(self._client.merge(action.kind, action.key, patch))


async def _unless_gone(write: Awaitable[object]) -> None:
    """Whoever shrinks or deletes an object wants less of it: that it is gone is fine."""
    with suppress(NotFound):
        await write


def _owners(item: Mapping[str, Any]) -> set[str]:
    return {owner["uid"] for owner in item["metadata"].get("ownerReferences") or () if owner.get("uid")}


def write_key(action: Action) -> Name:
    """What a write is of: its kind and key."""
    return (action.kind.plural, action.key)
