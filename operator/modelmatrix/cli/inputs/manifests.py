"""Kubernetes documents from files and folders, checked strictly: a typo is an error, not a silent default."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from modelmatrix.api import names
from modelmatrix.cli.errors import CliError
from modelmatrix.cli.inputs.manifest_validation import Document, is_planning_input, validate_manifest

SUFFIXES = (".yaml", ".yml", ".json")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Manifests:
    """Documents by kind."""

    items: tuple[Document, ...]

    def of_kind(self, kind: names.Kind) -> list[Document]:
        """Documents of a kind."""
        return [item for item in self.items if item["kind"] == kind.kind]


def read_manifests(paths: Iterable[str], *, namespace: str) -> Manifests:
    """All documents of files and of folders below them that a plan depends on; other kinds are left out.

    Raises:
        CliError: a file cannot be read, holds something that is no valid object, or the files hold nothing to plan with.
    """
    named = list(paths)
    found = [
        validate_manifest(item, namespace, path) for path in _files(named) for item in _items(path) if is_planning_input(item)
    ]
    if named and not found:
        raise CliError(f"no ModelDeployment, pool, profile or node in {', '.join(named)}")
    return Manifests(tuple(found))


def _files(paths: Iterable[str]) -> Iterator[Path]:
    for text in paths:
        path = Path(text)
        if path.is_dir():
            yield from sorted(item for item in path.rglob("*") if item.suffix in SUFFIXES and item.is_file())
        elif path.exists():
            yield path
        else:
            raise CliError(f"{text}: no such file or folder")


def _items(path: Path) -> Iterator[Document]:
    """Objects of a file, those of lists one by one; YAML that is no object, such as values of a chart, is none of ours."""
    for document in _documents(path):
        if document is not None and not isinstance(document, dict):
            raise CliError(f"{path}: holds something that is not an object")
        if document and document.get("kind") == "List":
            yield from _of_list(path, document.get("items"))
        elif document and "kind" in document:
            yield document


def _of_list(path: Path, items: Any) -> Iterator[Document]:
    if not isinstance(items, list):
        raise CliError(f"{path}: a List needs a list of objects in items")
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise CliError(f"{path}: items[{index}] of a List is not an object")
        yield item


def _documents(path: Path) -> list[Any]:
    try:
        return list(yaml.load_all(path.read_text(encoding="utf-8"), Loader=_Loader))
    except (yaml.YAMLError, ValueError, OSError) as error:
        raise CliError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
