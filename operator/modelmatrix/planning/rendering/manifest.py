"""Manifests as values: their digest, and the comparison of a stored object with one. Pure."""

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


def surges(manifest: Mapping[str, Any]) -> bool:
    """Whether a workload's update strategy makes a new replica before an old one goes."""
    spec = manifest.get("spec", {})
    update = spec.get("strategy", {}).get("rollingUpdate") or spec.get("rolloutStrategy", {}).get(
        "rollingUpdateConfiguration", {}
    )
    return update.get("maxSurge", 0) not in (0, "0", "0%")


def first_drift(actual: Any, desired: Any, path: str = "") -> str:
    """The path of the first desired field with another actual value, e.g. ``spec.containers[0].image``; else ``""``."""
    if isinstance(desired, Mapping) and isinstance(actual, Mapping):
        inner = (first_drift(actual.get(key), value, f"{path}.{key}" if path else key) for key, value in desired.items())
        return next(filter(None, inner), "")
    if isinstance(desired, list) and isinstance(actual, list) and len(actual) == len(desired):
        pairs = enumerate(zip(actual, desired, strict=True))
        return next(filter(None, (first_drift(*pair, f"{path}[{index}]") for index, pair in pairs)), "")
    return "" if actual == desired else path


def is_superset(stored: Any, applied: Any) -> bool:
    """Whether a stored object still has everything that was applied.

    The API server adds defaults, so maps may have more keys. Lists must have the same length, because the API server adds no
    items to the lists that we write.
    """
    if isinstance(applied, Mapping):
        return isinstance(stored, Mapping) and all(
            key in stored and is_superset(stored[key], value) for key, value in applied.items()
        )
    if isinstance(applied, list):
        return (
            isinstance(stored, list)
            and len(stored) == len(applied)
            and all(is_superset(*pair) for pair in zip(stored, applied, strict=True))
        )
    return bool(stored == applied)
