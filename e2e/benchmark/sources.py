"""A digest of the sources that a result depends on: modules and all that they import, directly or indirectly.

Only sources of the benchmark and of the operator's computing packages count, without their comments and docstrings.
Scenarios are not part of the digest: the cache key contains their full representation.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from benchmark.paths import REPOSITORY, TRACES

_ROOTS = {
    "benchmark": REPOSITORY / "e2e",
    "modelmatrix.performance": REPOSITORY / "operator",
    "modelmatrix.scaling": REPOSITORY / "operator",
    "modelmatrix.signals": REPOSITORY / "operator",
    "modelmatrix.simulation": REPOSITORY / "operator",
}
_CATALOGUE = REPOSITORY / "operator" / "modelmatrix" / "catalogue" / "data"
_DATA = (TRACES / "SHA256SUMS", _CATALOGUE / "histograms.yaml", _CATALOGUE / "dialects" / "vllm.yaml")


@cache
def digest(*modules: str) -> str:
    """A digest of all sources and data files that the modules depend on."""
    sums = hashlib.sha256()
    for path in (*_DATA, *sorted(closure(modules))):
        sums.update(str(path.relative_to(REPOSITORY)).encode())
        sums.update(_code(path) if path.suffix == ".py" else path.read_bytes())
    return sums.hexdigest()


def _code(path: Path) -> bytes:
    """The code of a source file without docstrings, comments and formatting."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:]
    return ast.dump(tree).encode()


def closure(modules: Iterable[str]) -> set[Path]:
    """The files of modules and of all modules that they import."""
    files: set[Path] = set()
    pending = list(modules)
    while pending:
        path = _file(pending.pop())
        if path is not None and path not in files:
            files.add(path)
            pending += _imported(path)
    return files


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _file(module: str) -> Path | None:
    """The file of a module in the packages that count; packages themselves contain only a docstring."""
    for package, root in _ROOTS.items():
        if module.startswith(f"{package}."):
            path = root.joinpath(*module.split(".")).with_suffix(".py")
            return path if path.exists() else None
    return None
