"""Field ownership: an apply must be able to remove the fields that the create has set.

The API server removes a field when the manager that *applied* it leaves it out. Fields set by a create are recorded as an
*update* of the same manager, and no apply would ever remove them. Therefore, as in kubectl and client-go
(``csaupgrade``), the update entry is merged into the manager's apply entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from modelmatrix.api.names import FIELD_MANAGER

Entry = Mapping[str, Any]


def convert_updates_to_apply(entries: Iterable[Entry]) -> list[Entry] | None:
    """``managedFields`` with the operator's update entries merged into its apply entry; ``None`` without update entries."""
    entries = list(entries)
    updates = [entry for entry in entries if _is_ours(entry, "Update")]
    if not updates:
        return None
    applies = [entry for entry in entries if _is_ours(entry, "Apply")]
    fields: Mapping[str, Any] = {}
    for entry in (*applies, *updates):
        fields = _union(fields, entry.get("fieldsV1") or {})
    merged = {**(applies or updates)[-1], "operation": "Apply", "fieldsV1": fields}
    return [*(entry for entry in entries if entry not in updates and entry not in applies), merged]


def _is_ours(entry: Entry, operation: str) -> bool:
    identity = (entry.get("manager"), entry.get("operation"), entry.get("subresource", ""))
    return identity == (FIELD_MANAGER, operation, "")


def _union(fields: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The union of two FieldsV1, in which every field is a map of the fields below it."""
    return {**fields, **{name: _union(fields.get(name, {}), inner) for name, inner in other.items()}}
