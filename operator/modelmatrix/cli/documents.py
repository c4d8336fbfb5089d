"""Kubernetes documents from files and folders, checked strictly: a typo is an error, not a silent default."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from modelmatrix.api import names
from modelmatrix.api.accelerator_pool import AcceleratorPoolSpec
from modelmatrix.api.model_deployment import ModelDeploymentSpec
from modelmatrix.api.profiles import EngineProfileSpec, ModelProfileSpec
from modelmatrix.cli.errors import CliError

SPECS: dict[str, type[BaseModel]] = {
    names.MODEL_DEPLOYMENTS.kind: ModelDeploymentSpec,
    names.ACCELERATOR_POOLS.kind: AcceleratorPoolSpec,
    names.MODEL_PROFILES.kind: ModelProfileSpec,
    names.ENGINE_PROFILES.kind: EngineProfileSpec,
}
SUFFIXES = (".yaml", ".yml", ".json")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Documents:
    """Documents by kind."""

    items: tuple[Document, ...]

    def of(self, kind: names.Kind) -> list[Document]:
        """Documents of a kind."""
        return [item for item in self.items if item.get("kind") == kind.kind]


def read_documents(paths: Iterable[str], *, namespace: str) -> Documents:
    """All documents of files and of folders below them; other kinds are read and ignored.

    Raises:
        CliError: a file cannot be read or holds something that is no valid object.
    """
    found: list[Document] = []
    for path in _files(paths):
        for document in _documents(path):
            found += document["items"] if document.get("kind") == "List" else [document]
    return Documents(tuple(_checked(item, namespace) for item in found))


def _files(paths: Iterable[str]) -> Iterator[Path]:
    for text in paths:
        path = Path(text)
        if path.is_dir():
            yield from sorted(item for item in path.rglob("*") if item.suffix in SUFFIXES and item.is_file())
        elif path.exists():
            yield path
        else:
            raise CliError(f"{text}: no such file or folder")


def _documents(path: Path) -> Iterator[Document]:
    try:
        documents = list(yaml.load_all(path.read_text(encoding="utf-8"), Loader=_Loader))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise CliError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    for document in documents:
        if document is None:
            continue
        if not isinstance(document, dict):
            raise CliError(f"{path}: holds something that is no object")
        if "kind" in document:  # other YAML beside the manifests, such as values of a chart, is none of ours
            yield document


def _checked(item: Document, namespace: str) -> Document:
    kind, metadata = item.get("kind"), item.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise CliError(f"{kind} without metadata.name")
    spec = SPECS.get(str(kind))
    if spec is None:
        return item
    if item.get("apiVersion") != names.API_VERSION:
        raise CliError(f"{kind} {metadata['name']}: apiVersion must be {names.API_VERSION}, not {item.get('apiVersion')}")
    try:
        spec.model_validate(item.get("spec"), extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in ("spec", *first["loc"]))
        raise CliError(f"{kind} {metadata['name']}: {where}: {first['msg']}") from None
    if kind == names.MODEL_DEPLOYMENTS.kind:
        return {**item, "metadata": {"namespace": namespace, **metadata}}
    return item
