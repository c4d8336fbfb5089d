"""The objects of a fake API server with their history: versions, UIDs, preconditions, watch events, compaction."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from fakes.apiserver.objects import Object, merge, spec_changed, without_status
from fakes.apiserver.ownership import fields_of, noted, without_dropped
from modelmatrix.api.names import Kind
from modelmatrix.planning.snapshot.views import NamespacedName

CREATED = "2026-11-23T01:00:00Z"


class Refusal(Exception):
    """The error of a write that the API server would refuse."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


class Change(NamedTuple):
    """One entry of the history. ``before`` is the object before the change, for selectors that it no longer matches."""

    version: int
    plural: str
    type: str
    item: Object
    before: Object | None


@dataclass
class Store:
    """Objects by the plural of their kind and by key, with their history."""

    kinds: dict[str, Kind]
    items: dict[str, dict[NamespacedName, Object]] = field(default_factory=dict)
    history: list[Change] = field(default_factory=list)
    version: int = 1
    oldest: int = 0
    notify: Callable[[], None] = lambda: None
    _uids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def get(self, plural: str, key: NamespacedName) -> Object:
        """A copy of an object; raises a 404 refusal if it does not exist."""
        found = self.items.get(plural, {}).get(key)
        if found is None:
            raise Refusal(404, "NotFound", f'{plural} "{key.name}" not found')
        return copy.deepcopy(found)

    def list(self, plural: str) -> list[Object]:
        """Copies of all objects of a kind, in order of their keys."""
        return [copy.deepcopy(item) for _, item in sorted(self.items.get(plural, {}).items())]

    def create(self, plural: str, key: NamespacedName, item: Object, *, manager: str = "", operation: str = "Update") -> Object:
        """Create an object, with the metadata that the server sets."""
        if key in self.items.get(plural, {}):
            raise Refusal(409, "AlreadyExists", f'{plural} "{key.name}" already exists')
        fresh = copy.deepcopy(item)
        metadata = {"creationTimestamp": CREATED, **fresh.get("metadata", {}), "name": key.name}
        metadata |= {"uid": f"uid-{next(self._uids)}", "generation": 1}
        if key.namespace:
            metadata["namespace"] = key.namespace
        kind = self.kinds[plural]
        fresh |= {"metadata": metadata, "apiVersion": kind.api_version, "kind": kind.kind}
        return self._put(plural, key, noted(fresh, manager, operation, fields_of(item)) if manager else fresh, None)

    def replace(self, plural: str, key: NamespacedName, item: Object) -> Object:
        """Replace an object if it has the stored resourceVersion."""
        before = self.get(plural, key)
        sent = item.get("metadata", {}).get("resourceVersion")
        if sent is not None and sent != before["metadata"]["resourceVersion"]:
            raise Refusal(409, "Conflict", "the object has been modified; please apply your changes to the latest version")
        return self._change(plural, key, before, {**item, "metadata": {**before["metadata"], **item["metadata"]}})

    def json_patch(self, plural: str, key: NamespacedName, operations: list[Object]) -> Object:
        """A JSON patch of the status: ``test`` and ``add`` of members of objects, and nothing outside the status changes."""
        before = self.get(plural, key)
        after = copy.deepcopy(before)
        for operation in operations:
            *path, name = operation["path"].split("/")[1:]
            holder = after
            for part in path:
                holder = holder[part]
            if operation["op"] == "add":
                holder[name] = operation["value"]
            elif operation["op"] != "test" or holder.get(name) != operation["value"]:
                raise Refusal(422, "Invalid", "the server rejected our request due to an error in our request")
        return self._change(plural, key, before, {**before, "status": after.get("status", {})})

    def patch(self, plural: str, key: NamespacedName, patch: Object, *, subresource: str = "", manager: str = "") -> Object:
        """A merge patch of the object, or of its status alone; a status patch ignores the UID, as on a real server."""
        before = self.get(plural, key)
        if subresource == "status":
            return self._change(plural, key, before, merge(before, {"status": patch.get("status", {})}))
        self._check(plural, before, patch)
        after, fields = merge(before, without_status(patch)), fields_of(patch)
        return self._change(
            plural, key, before, noted(after, manager, "Update", fields) if manager and any(fields.values()) else after
        )

    def apply(self, plural: str, key: NamespacedName, item: Object, *, manager: str) -> Object:
        """Server-side apply: removes fields that only the manager's last apply has set, and that this one does not set.

        Creates a missing object unless the manifest has a UID.
        """
        wished = item.get("metadata", {}).get("uid")
        if key not in self.items.get(plural, {}):
            if wished:
                raise Refusal(409, "Conflict", f"uid mismatch: the provided object specified uid {wished}, and none was found")
            return self.create(plural, key, item, manager=manager, operation="Apply")
        before = self.get(plural, key)
        self._check(plural, before, item)
        after = merge(without_dropped(before, manager, item), without_status(item))
        return self._change(plural, key, before, noted(after, manager, "Apply", fields_of(item)))

    def _check(self, plural: str, before: Object, sent: Object) -> None:
        """Refuse a patch with another UID or resourceVersion, with the API server's messages."""
        wished, found = sent.get("metadata", {}), before["metadata"]
        if wished.get("uid", found["uid"]) != found["uid"]:
            message = (
                f'{plural} "{found["name"]}" is invalid: metadata.uid: Invalid value: "{wished["uid"]}": field is immutable'
            )
            raise Refusal(422, "Invalid", message)
        if wished.get("resourceVersion", found["resourceVersion"]) != found["resourceVersion"]:
            raise Refusal(409, "Conflict", "the object has been modified; please apply your changes to the latest version")

    def delete(self, plural: str, key: NamespacedName, *, uid: str = "", silent: bool = False) -> None:
        """Remove an object; ``silent`` sends no watch event, as for a broken stream."""
        before = self.get(plural, key)
        found = before["metadata"]["uid"]
        if uid and uid != found:
            raise Refusal(409, "Conflict", f"the UID in the precondition ({uid}) does not match the UID in record ({found})")
        del self.items[plural][key]
        self.version += 1
        if not silent:
            before["metadata"]["resourceVersion"] = str(self.version)
            self._note(plural, "DELETED", before, before)

    def compact(self) -> None:
        """Compact the history: watches from an older version get 410."""
        self.oldest = self.version
        self.history.clear()

    def _change(self, plural: str, key: NamespacedName, before: Object, after: Object) -> Object:
        metadata = {**after["metadata"], "uid": before["metadata"]["uid"]}
        metadata["generation"] = before["metadata"]["generation"] + spec_changed(before, after)
        after = {**after, "metadata": metadata}
        return before if after == before else self._put(plural, key, after, before)

    def _put(self, plural: str, key: NamespacedName, item: Object, before: Object | None) -> Object:
        self.version += 1
        item["metadata"]["resourceVersion"] = str(self.version)
        self.items.setdefault(plural, {})[key] = item
        self._note(plural, "MODIFIED" if before else "ADDED", item, before)
        return copy.deepcopy(item)

    def _note(self, plural: str, type_: str, item: Object, before: Object | None) -> None:
        self.history.append(Change(self.version, plural, type_, copy.deepcopy(item), before))
        self.notify()
