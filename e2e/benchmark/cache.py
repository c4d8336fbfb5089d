"""Results that were computed before, by content: what they depend on is their name. A changed source makes another name."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

from benchmark.paths import CACHE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def name_of(*parts: Any) -> str:
    """The name of a result that depends on parts, whose representations must tell all about them."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def remembered(name: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The document of that name, computed if it is not known yet."""
    path = _path(name)
    if path.exists():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    document = compute()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")
    partial.replace(path)
    return document


def is_remembered(name: str) -> bool:
    """Whether the document of that name is known."""
    return _path(name).exists()


def _path(name: str) -> Path:
    return CACHE / "results" / name[:2] / f"{name}.json"
