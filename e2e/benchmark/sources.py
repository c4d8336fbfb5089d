"""The sources that a result depends on: a module's own and those that it imports, directly or not.

Only of the benchmark and of what computes in the product, and of these what they do: not their comments and docstrings.
Scenarios are no part of it: they are named in full where a result is remembered.
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
    """A digest of everything that modules depend on."""
    sums = hashlib.sha256()
    for path in (*_DATA, *sorted(closure(modules))):
        sums.update(str(path.relative_to(REPOSITORY)).encode())
        sums.update(_code(path) if path.suffix == ".py" else path.read_bytes())
    return sums.hexdigest()


def _code(path: Path) -> bytes:
    """What a source does."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:]
    return ast.dump(tree).encode()


def closure(modules: Iterable[str]) -> set[Path]:
    """The files of modules and of what they import."""
    found: set[Path] = set()
    left = list(modules)
    while left:
        path = _file(left.pop())
        if path is not None and path not in found:
            found.add(path)
            left += _imported(path)
    return found


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _file(module: str) -> Path | None:
    """The file of a module that counts; packages have nothing but a docstring."""
    for package, root in _ROOTS.items():
        if module.startswith(f"{package}."):
            path = root.joinpath(*module.split(".")).with_suffix(".py")
            return path if path.exists() else None
    return None
