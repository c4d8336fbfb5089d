"""A cache of results by content: the key of a result is a digest of its inputs and of the sources that compute it."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

from benchmark.paths import CACHE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def cache_key(*parts: Any) -> str:
    """The key of a result with these inputs; their ``repr`` must contain everything that the result depends on."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def load_or_compute(name: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The cached document of a key; computed and cached if it is missing."""
    path = _path_of(name)
    if path.exists():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    document = compute()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")
    partial.replace(path)
    return document


def is_cached(name: str) -> bool:
    """Whether the document of a key is cached."""
    return _path_of(name).exists()


def _path_of(name: str) -> Path:
    return CACHE / "results" / name[:2] / f"{name}.json"
