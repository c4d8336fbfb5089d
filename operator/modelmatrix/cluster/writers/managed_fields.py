"""Whose fields are whose: what a create has set must go when an apply does not wish it any more.

The API server removes what the same manager's last *apply* has set. What we set by a create it keeps as an *update* of ours,
and nothing would ever remove that. So, as kubectl and client-go do, it is made a part of our last apply.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from modelmatrix.api.names import FIELD_MANAGER

Entry = Mapping[str, Any]


def convert_updates_to_apply(entries: Iterable[Entry]) -> list[Entry] | None:
    """``managedFields`` with our updates as a part of our apply; nothing when they are that already."""
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
    named = (entry.get("manager"), entry.get("operation"), entry.get("subresource", ""))
    return named == (FIELD_MANAGER, operation, "")


def _union(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of either: in FieldsV1 every field is a map of the fields in it."""
    return {**one, **{name: _union(one.get(name, {}), inner) for name, inner in other.items()}}
