"""Kubernetes manifests from files and folders, validated strictly: a typo is an error, not a silent default."""

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
    """Validated documents, in the order of the files."""

    items: tuple[Document, ...]

    def of_kind(self, kind: names.Kind) -> list[Document]:
        """The documents of a kind, in the same order."""
        return [document for document in self.items if document["kind"] == kind.kind]


def read_manifests(paths: Iterable[str], *, namespace: str) -> Manifests:
    """All documents of files, and of folders with everything below them, that a plan depends on; other kinds are skipped.

    Raises:
        CliError: a file cannot be read, holds an invalid object, or the files hold no object that a plan depends on.
    """
    texts = list(paths)
    documents = [
        validate_manifest(document, namespace, path)
        for path in _files(texts)
        for document in _objects(path)
        if is_planning_input(document)
    ]
    if texts and not documents:
        raise CliError(f"no ModelDeployment, pool, profile or node in {', '.join(texts)}")
    return Manifests(tuple(documents))


def _files(paths: Iterable[str]) -> Iterator[Path]:
    for text in paths:
        path = Path(text)
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())
        elif path.exists():
            yield path
        else:
            raise CliError(f"{text}: no such file or folder")


def _objects(path: Path) -> Iterator[Document]:
    """Objects of a file, those of a List one by one; YAML without a kind, such as a chart's values, is skipped."""
    for document in _documents(path):
        if document is not None and not isinstance(document, dict):
            raise CliError(f"{path}: holds something that is not an object")
        if document and document.get("kind") == "List":
            yield from _list_items(path, document.get("items"))
        elif document and "kind" in document:
            yield document


def _list_items(path: Path, items: Any) -> Iterator[Document]:
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
