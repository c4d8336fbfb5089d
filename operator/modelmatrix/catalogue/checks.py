"""What no single data file can show: facts of one file that another one needs, contradicts or repeats.

A problem reads ``folder/file.yaml: field: what is wrong``. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from modelmatrix.api.model_deployment import Quantization
from modelmatrix.catalogue.accelerators import Accelerator, Family, Vendor
from modelmatrix.catalogue.engines import Engine
from modelmatrix.catalogue.metrics import MetricDialect
from modelmatrix.catalogue.models import Model
from modelmatrix.catalogue.quantization import Formats, SupportEntry
from modelmatrix.catalogue.template_variables import template_problems, template_values


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueFiles:
    """The entries of every folder by ``folder/file``."""

    vendors: Mapping[str, Vendor]
    families: Mapping[str, Family]
    accelerators: Mapping[str, Accelerator]
    models: Mapping[str, Model]
    engines: Mapping[str, Engine]
    dialects: Mapping[str, MetricDialect]
    formats: Formats

    def vendor_ids(self) -> set[str]:
        """Ids of all vendors."""
        return {vendor.id for vendor in self.vendors.values()}

    def vendor_of(self) -> dict[str, str]:
        """The vendor's id by family and by accelerator: both are words that an engine may use for hardware."""
        accelerators = {accelerator.id: accelerator.vendor for accelerator in self.accelerators.values()}
        return accelerators | {family.id: family.vendor for family in self.families.values()}


def problems(files: CatalogueFiles) -> list[str]:
    """Everything that is wrong, in the order of the files' kinds; empty for a sound catalogue."""
    return [problem for check in CHECKS for problem in check(files)]


def _repeated_names(files: CatalogueFiles) -> Iterator[str]:
    yield from _repeated("id", ((name, [vendor.id]) for name, vendor in files.vendors.items()))
    yield from _repeated("id", ((name, [family.id]) for name, family in files.families.items()))
    yield from _repeated("id", ((name, [chip.id]) for name, chip in files.accelerators.items()))
    yield from _repeated("id or aliases", ((name, {model.id, *model.aliases}) for name, model in files.models.items()))
    yield from _repeated("name", ((name, [engine.name]) for name, engine in files.engines.items()))
    yield from _repeated("name", ((name, [dialect.name]) for name, dialect in files.dialects.items()))


def _repeated(field: str, names: Iterable[tuple[str, Iterable[str]]]) -> Iterator[str]:
    owners: dict[str, str] = {}
    for file, own in names:
        for name in own:
            owner = owners.setdefault(name.lower(), file)
            if owner != file:
                yield f"{file}: {field}: {name} is already the name of {owner}"


def _vendors_without_engines(files: CatalogueFiles) -> Iterator[str]:
    served = {vendor for engine in files.engines.values() for vendor in engine.vendors}
    for name, vendor in files.vendors.items():
        if vendor.id not in served:
            yield f"{name}: id: no engine in engines lists {vendor.id} in its vendors"


def _missing_formats(files: CatalogueFiles) -> Iterator[str]:
    for quantization in Quantization:
        if quantization not in files.formats.formats:
            yield f"formats.yaml: formats: {quantization} is missing"


def _families(files: CatalogueFiles) -> Iterator[str]:
    vendors = files.vendor_ids()
    engines = {engine.name: engine for engine in files.engines.values()}
    for name, family in files.families.items():
        if family.vendor not in vendors:
            yield f"{name}: vendor: no file in vendors has the id {family.vendor}"
        for quantization in Quantization:
            entry = family.support.get(quantization)
            if entry is None:
                yield f"{name}: support: {quantization} is missing; an entry names the engines, or why none and what instead"
            else:
                yield from (f"{name}: support.{quantization}: {p}" for p in _support(entry, family, engines))


def _support(entry: SupportEntry, family: Family, engines: Mapping[str, Engine]) -> Iterator[str]:
    for name in (*entry.engines, *entry.unlisted):
        if name not in engines:
            yield f"no file in engines has the name {name}"
        elif family.vendor not in engines[name].vendors:
            yield f"{name} does not list {family.vendor} in its vendors"
    if not entry.engines and not (entry.why and entry.instead):
        yield "an entry without engines needs why and instead"


def _accelerators(files: CatalogueFiles) -> Iterator[str]:
    families = {family.id: family for family in files.families.values()}
    for name, accelerator in files.accelerators.items():
        family = families.get(accelerator.family)
        if family is None:
            yield f"{name}: family: no file in families has the id {accelerator.family}"
        elif family.vendor != accelerator.vendor:
            yield f"{name}: vendor: {accelerator.vendor}, but the family {family.id} is of {family.vendor}"
        if accelerator.device_counts[-1:] != (accelerator.devices_per_node,):
            yield f"{name}: deviceCounts: the last one must be devicesPerNode, {accelerator.devices_per_node}"


def _engines(files: CatalogueFiles) -> Iterator[str]:
    dialects = {dialect.name for dialect in files.dialects.values()}
    vendor_of = files.vendor_of()
    families = {family.id for family in files.families.values()}
    for name, engine in files.engines.items():
        if engine.dialect not in dialects:
            yield f"{name}: dialect: no file in dialects has the name {engine.dialect}"
        yield from (f"{name}: {problem}" for problem in _hardware(engine, vendor_of, files.vendor_ids()))
        for family in engine.architectures.families:
            if family not in families:
                yield f"{name}: architectures.families: no file in families has the id {family}"


def _hardware(engine: Engine, vendor_of: Mapping[str, str], vendors: set[str]) -> Iterator[str]:
    hardware = [word for rule in engine.images for word in rule.families]
    for word in hardware:
        if word not in vendor_of:
            yield f"images: {word} is neither a family nor an accelerator"
        elif vendor_of[word] not in engine.vendors:
            yield f"images: {word} is of {vendor_of[word]}, which vendors does not list"
    imaged = {vendor_of.get(word) for word in hardware}
    for vendor in engine.vendors:
        if vendor not in vendors:
            yield f"vendors: no file in vendors has the id {vendor}"
        elif vendor not in imaged:
            yield f"images: none is for a family or an accelerator of {vendor}, which vendors lists"


def _models(files: CatalogueFiles) -> Iterator[str]:
    supports = [engine.architectures for engine in files.engines.values()]
    listed = {name for support in supports for name in support.listed}
    listed.update(name for support in supports for names in support.families.values() for name in names)
    for name, model in files.models.items():
        if model.architecture not in listed:
            yield f"{name}: architecture: no engine in engines lists {model.architecture}"
        if not model.sources:
            yield f"{name}: sources: none is given"


def _shared_ranks(files: CatalogueFiles) -> Iterator[str]:
    """Engines of a vendor with the same rank: which one is preferred would depend on their names."""
    owners: dict[tuple[str, int], str] = {}
    for name, engine in files.engines.items():
        for vendor in engine.vendors:
            owner = owners.setdefault((vendor, engine.rank), name)
            if owner != name:
                yield f"{name}: rank: {engine.rank} is already that of {owner} on {vendor}"


def _templates(files: CatalogueFiles) -> Iterator[str]:
    families = {family.id for family in files.families.values()}
    values = template_values(vendors=files.vendor_ids(), families=families)
    for name, engine in files.engines.items():
        yield from (f"{name}: {problem}" for problem in template_problems(engine, values))


CHECKS: tuple[Callable[[CatalogueFiles], Iterator[str]], ...] = (
    _repeated_names,  # a second entry of a name would silently replace the first
    _missing_formats,  # sizes of weights are looked up for every quantization
    _vendors_without_engines,  # nothing could run on its chips
    _families,  # the truth table is complete and names engines that run there
    _accelerators,  # family and vendor agree
    _engines,  # dialect, images and support lists name what exists
    _models,  # some engine's documents list the class, and its dimensions have a source
    _shared_ranks,  # the preferred engine of a vendor is unique
    _templates,  # no variable or condition that the renderer does not know
)
