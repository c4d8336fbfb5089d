"""Manifests as values: their digest, and whether a stored object still has everything that was applied."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

Manifest = dict[str, Any]


def digest(manifest: Mapping[str, Any]) -> str:
    """A short hash of a manifest; equal manifests have equal digests."""
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def is_superset(actual: Any, desired: Any) -> bool:
    """Whether the object as stored still has everything that is desired.

    The API server adds defaults, so maps may have more keys. Lists must have the same length: the API server adds no
    items to the lists that we write.
    """
    if isinstance(desired, Mapping):
        return isinstance(actual, Mapping) and all(
            key in actual and is_superset(actual[key], value) for key, value in desired.items()
        )
    if isinstance(desired, list):
        return (
            isinstance(actual, list)
            and len(actual) == len(desired)
            and all(is_superset(*pair) for pair in zip(actual, desired, strict=True))
        )
    return bool(actual == desired)
