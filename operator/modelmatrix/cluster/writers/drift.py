"""Where a stored object is not as it was applied: the words for people whose policies change it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def first_drift(actual: Any, wished: Any, path: str = "") -> str:
    """The path of the first field that is not as wished, e.g. ``spec.containers[0].image``; empty when all are."""
    if isinstance(wished, Mapping) and isinstance(actual, Mapping):
        inner = (first_drift(actual.get(key), value, f"{path}.{key}" if path else key) for key, value in wished.items())
        return next(filter(None, inner), "")
    if isinstance(wished, list) and isinstance(actual, list) and len(actual) == len(wished):
        pairs = enumerate(zip(actual, wished, strict=True))
        return next(filter(None, (first_drift(*pair, f"{path}[{index}]") for index, pair in pairs)), "")
    return "" if actual == wished else path
