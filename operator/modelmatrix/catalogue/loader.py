"""Reads the built-in catalogue from the package's data files."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.catalogue.types import (
    Accelerator,
    ArchitectureRules,
    Compatibility,
    Engine,
    Histograms,
    MetricDialect,
    Model,
)

# libyaml is ten times as fast; not every platform's wheel has it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_DATA = Path(__file__).with_name("data")  # importlib.resources would cost more to import than the files to read

Entry = TypeVar("Entry", bound=BaseModel)


class CatalogueError(Exception):
    """A data file does not have the form of its type; the text names file and field."""


@cache
def builtin() -> Catalogue:
    """The built-in catalogue.

    Raises:
        CatalogueError: a data file is wrong.
    """
    accelerators = {item.id: item for item in _entries("accelerators", Accelerator)}
    engines = {item.name: item for item in _entries("engines", Engine)}
    return Catalogue(
        accelerators=accelerators,
        models=tuple(_entries("models", Model)),
        engines=engines,
        compatibility=_parse("quantization.yaml", _read("quantization.yaml"), Compatibility),
        dialects={item.name: item for item in _entries("dialects", MetricDialect)},
        histograms=_parse("histograms.yaml", _read("histograms.yaml"), Histograms),
    )


@cache
def architecture_rules() -> ArchitectureRules:
    """How config.json files are read.

    Raises:
        CatalogueError: the data file is wrong.
    """
    return _parse("architectures.yaml", _read("architectures.yaml"), ArchitectureRules)


def _entries(folder: str, kind: type[Entry]) -> Iterator[Entry]:
    for path in sorted(_DATA.joinpath(folder).iterdir(), key=lambda item: item.name):
        name = f"{folder}/{path.name}"
        yield _parse(name, _read(name), kind)


def _read(name: str) -> Any:
    return yaml.load(_DATA.joinpath(name).read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader


def _parse(name: str, content: Any, kind: type[Entry]) -> Entry:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise CatalogueError(f"catalogue file {name}: {error}") from None
