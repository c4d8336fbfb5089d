"""Reads the catalogue from its data files and refuses one in which a fact is wrong or missing.

Every folder of ``data`` holds entries of one type, one file each. The order of reading follows who refers to whom:
accelerators take what their file leaves out from their vendor, engines from the engine that they extend; the truth table
is put together from the families. What one file alone cannot show is checked afterwards (``checks``).

Reading the package's own data files is the only I/O of the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from modelmatrix.catalogue.accelerators import Accelerator, Family, Vendor
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.catalogue.checks import CatalogueFiles, problems
from modelmatrix.catalogue.engine_extension import ExtensionError, extend_engine
from modelmatrix.catalogue.engines import Engine
from modelmatrix.catalogue.metrics import Histograms, MetricDialect
from modelmatrix.catalogue.models import ArchitectureRules, Model
from modelmatrix.catalogue.quantization import Compatibility, Formats

# libyaml is ten times as fast; not every platform's wheel has it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_DATA = Path(__file__).with_name("data")  # importlib.resources would cost more to import than the files to read

Entry = TypeVar("Entry", bound=BaseModel)


class CatalogueError(Exception):
    """A data file is wrong or a fact is missing; every line of the text names file and field."""


@cache
def builtin() -> Catalogue:
    """The built-in catalogue, read once.

    Raises:
        CatalogueError: a data file is wrong or a fact is missing.
    """
    return load(_DATA)


@cache
def architecture_rules() -> ArchitectureRules:
    """How config.json files are read.

    Raises:
        CatalogueError: the data file is wrong.
    """
    return _file(_DATA, "architectures.yaml", ArchitectureRules)


def load(data: Path) -> Catalogue:
    """The catalogue in a folder that is laid out as the package's ``data``.

    Raises:
        CatalogueError: a data file is wrong or a fact is missing.
    """
    vendors = _folder(data, "vendors", Vendor)
    entries = CatalogueFiles(
        vendors=vendors,
        families=_folder(data, "families", Family),
        accelerators=_accelerators(data, vendors),
        models=_folder(data, "models", Model),
        engines=_engines(data),
        dialects=_folder(data, "dialects", MetricDialect),
        formats=_file(data, "formats.yaml", Formats),
    )
    found = problems(entries)
    if found:
        raise CatalogueError("\n".join(f"catalogue file {problem}" for problem in found))
    return _catalogue(entries, _file(data, "histograms.yaml", Histograms))


def _catalogue(entries: CatalogueFiles, histograms: Histograms) -> Catalogue:
    families, formats = entries.families.values(), entries.formats
    return Catalogue(
        vendors={vendor.id: vendor for vendor in entries.vendors.values()},
        accelerators={accelerator.id: accelerator for accelerator in entries.accelerators.values()},
        models=tuple(entries.models.values()),
        engines={engine.name: engine for engine in entries.engines.values()},
        compatibility=Compatibility(
            sources=formats.sources,
            formats=formats.formats,
            support={name: {family.id: family.support[name] for family in families} for name in formats.formats},
        ),
        dialects={dialect.name: dialect for dialect in entries.dialects.values()},
        histograms=histograms,
    )


def _accelerators(data: Path, vendors: Mapping[str, Vendor]) -> dict[str, Accelerator]:
    defaults = {vendor.id: {"launchSecondsPerLayer": vendor.launch_seconds_per_layer} for vendor in vendors.values()}
    contents = _contents(data, "accelerators")
    for name, content in contents.items():
        if content.get("vendor") not in defaults:
            raise CatalogueError(f"catalogue file {name}: vendor: no file in vendors has the id {content.get('vendor')}")
    return {name: _parse(name, defaults[content["vendor"]] | content, Accelerator) for name, content in contents.items()}


def _engines(data: Path) -> dict[str, Engine]:
    """Engines by file; those that extend another one after it."""
    contents = _contents(data, "engines")
    bases = {name: content.pop("extends", None) for name, content in contents.items()}
    engines = {name: _parse(name, contents[name], Engine) for name, base in bases.items() if base is None}
    waiting = {name: base for name, base in bases.items() if base is not None}
    while waiting:
        known = {engine.name: engine for engine in engines.values()}
        ready = [name for name, base in waiting.items() if base in known]
        if not ready:
            name, missing = next(iter(waiting.items()))
            raise CatalogueError(f"catalogue file {name}: extends: {missing} is not an engine, or extends this one itself")
        for name in ready:
            engines[name] = _extended(name, known[waiting.pop(name)], contents[name])
    return dict(sorted(engines.items()))


def _extended(name: str, base: Engine, changes: Mapping[str, Any]) -> Engine:
    try:
        return extend_engine(base, changes)
    except (ExtensionError, ValidationError) as error:
        raise CatalogueError(f"catalogue file {name}: {error}") from None


def _folder(data: Path, folder: str, kind: type[Entry]) -> dict[str, Entry]:
    return {name: _parse(name, content, kind) for name, content in _contents(data, folder).items()}


def _contents(data: Path, folder: str) -> dict[str, Any]:
    """What the files of a folder hold, by ``folder/file``, in the order of their names."""
    paths = sorted(data.joinpath(folder).iterdir(), key=lambda path: path.name)
    contents = {f"{folder}/{path.name}": _yaml(path) for path in paths}
    for name, content in contents.items():
        if not isinstance(content, dict):
            raise CatalogueError(f"catalogue file {name}: it does not hold the fields of an entry")
    return contents


def _file(data: Path, name: str, kind: type[Entry]) -> Entry:
    return _parse(name, _yaml(data.joinpath(name)), kind)


def _yaml(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader


def _parse(name: str, content: Any, kind: type[Entry]) -> Entry:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise CatalogueError(f"catalogue file {name}: {error}") from None
