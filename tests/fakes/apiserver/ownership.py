"""Field ownership as in the API server's managedFields; a list counts as one field. Pure."""

from __future__ import annotations

import copy
from typing import Any

from fakes.apiserver.objects import Object, merge

Fields = dict[str, Any]

_NOBODYS = ("managedFields", "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp")


def fields_of(item: Object) -> Fields:
    """The fields that an object or patch sets, in the form of FieldsV1."""
    metadata = {key: value for key, value in item.get("metadata", {}).items() if key not in _NOBODYS}
    rest = {key: value for key, value in item.items() if key not in ("apiVersion", "kind", "status")}
    return _fields({**rest, "metadata": metadata})


def _fields(value: Any) -> Fields:
    return {f"f:{key}": _fields(inner) for key, inner in value.items()} if isinstance(value, dict) else {}


def noted(item: Object, manager: str, operation: str, fields: Fields) -> Object:
    """The object with a manager's fields; an update adds to what it had, an apply replaces it."""
    entries = item["metadata"].get("managedFields", [])
    ours = [entry for entry in entries if (entry["manager"], entry["operation"]) == (manager, operation)]
    before = ours[0]["fieldsV1"] if ours and operation == "Update" else {}
    entry = {"manager": manager, "operation": operation, "fieldsType": "FieldsV1", "fieldsV1": merge(before, fields)}
    others = [entry for entry in entries if entry not in ours]
    return {**item, "metadata": {**item["metadata"], "managedFields": [*others, entry]}}


def without_dropped(item: Object, manager: str, applied: Object) -> Object:
    """The object without the fields that only this manager's last apply has set, and this one does not."""
    entries = item["metadata"].get("managedFields", [])
    last: Fields = {}
    kept = fields_of(applied)
    for entry in entries:
        if (entry["manager"], entry["operation"]) == (manager, "Apply"):
            last = entry["fieldsV1"]
        else:
            kept = merge(kept, entry["fieldsV1"])
    return _without(copy.deepcopy(item), last, kept)


def _without(value: Object, dropped: Fields, kept: Fields) -> Object:
    for name, inner in dropped.items():
        key = name.removeprefix("f:")
        if name not in kept:
            value.pop(key, None)
        elif isinstance(value.get(key), dict):
            _without(value[key], inner, kept[name])
    return value
