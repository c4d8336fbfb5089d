"""The operations of the API server's store on objects: merge patches, selectors, keys. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]


def merge(target: Any, patch: Any) -> Any:
    """JSON merge patch, written from the pseudo code of RFC 7396 and not from the operator's code."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def selects(query: Mapping[str, str], item: Object) -> bool:
    """Whether selectors match: of labels, ``key=value`` and ``key``; of fields, ``path=value`` and ``path!=value``."""
    labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
    return _labels_match(labels, labels_of(item)) and _fields_match(fields, item)


def _labels_match(selector: str, labels: Mapping[str, str]) -> bool:
    for term in filter(None, selector.split(",")):
        key, _, value = term.partition("=")
        if key not in labels or (value and labels[key] != value):
            return False
    return True


def _fields_match(selector: str, item: Object) -> bool:
    for term in filter(None, selector.split(",")):
        path, _, value = term.partition("=")
        found = item
        for name in path.removesuffix("!").split("."):
            found = found.get(name) or {}
        if (found == value) == path.endswith("!"):
            return False
    return True


def labels_of(item: Object) -> Mapping[str, str]:
    """The labels of an object."""
    found: Mapping[str, str] = item["metadata"].get("labels") or {}
    return found


def without_status(item: Object) -> Object:
    """The part of an object that a write of the main resource may change."""
    return {key: value for key, value in item.items() if key != "status"}


def spec_changed(before: Object, after: Object) -> bool:
    """Whether a change increments the generation."""
    return bool(before.get("spec") != after.get("spec"))
