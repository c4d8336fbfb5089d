"""Results that were computed before, by content: what they depend on is their name. A changed source makes another name."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.places import CACHE, REPOSITORY, TRACES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PRODUCT = REPOSITORY / "operator" / "modelmatrix"
BENCHMARK = REPOSITORY / "e2e" / "benchmark"
# What decides in the product; a change of it must not throw away what peers did.
DECIDING = (
    PRODUCT / "scaling",
    *(PRODUCT / "simulation" / f"{name}.py" for name in ("known", "promql", "scaled_policy", "signals")),
    BENCHMARK / "product.py",
)
PEERS = (BENCHMARK / "peers", BENCHMARK / "signals.py")
BOUND = (BENCHMARK / "bound",)
# What only arranges and shows results.
SHOWING = (
    "__init__",
    "__main__",
    "cache",
    "jobs",
    "options",
    "pictures",
    "recipes",
    "report",
    "resampling",
    "tables",
    "tuning",
)
WORLD = (
    PRODUCT / "simulation",
    PRODUCT / "performance",
    PRODUCT / "catalogue" / "data" / "histograms.yaml",
    *sorted(path for path in BENCHMARK.glob("*.py") if path.stem not in SHOWING),
)


def remembered(key: Any, sources: Iterable[Path], compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The document of a key, computed if it is not known yet or comes from other sources."""
    name = hashlib.sha256(f"{key!r} {digest(tuple(sources))}".encode()).hexdigest()[:32]
    path = CACHE / "results" / name[:2] / f"{name}.json"
    if path.exists():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    document = compute()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{id(document)}.part")
    partial.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")
    partial.replace(path)
    return document


@cache
def digest(sources: tuple[Path, ...]) -> str:
    """A digest of files, those of folders included, and of the traces."""
    sums = hashlib.sha256((TRACES / "SHA256SUMS").read_bytes())
    for source in sources:
        for path in sorted(source.rglob("*.py")) if source.is_dir() else [source]:
            if source in DECIDING or not _is_deciding(path):
                sums.update(str(path.relative_to(REPOSITORY)).encode())
                sums.update(path.read_bytes() if path.exists() else b"")
    return sums.hexdigest()


def _is_deciding(path: Path) -> bool:
    return any(path == place or place in path.parents for place in DECIDING)
