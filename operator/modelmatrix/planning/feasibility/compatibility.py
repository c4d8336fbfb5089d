"""Which engine runs a model's weights on a chip: the truth table applied, with words for every "no". Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from modelmatrix.api.model_deployment import Quantization, UnlistedPolicy
from modelmatrix.api.reasons import Reason
from modelmatrix.api.weights_source import Scheme
from modelmatrix.catalogue.accelerators import Accelerator
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.catalogue.engines import Engine
from modelmatrix.catalogue.models import Model
from modelmatrix.catalogue.quantization import SupportEntry
from modelmatrix.planning.feasibility.verdict import Rejection, Verdict, reject


@dataclass(frozen=True, slots=True)
class ModelWeights:
    """What is to be served: a model's weights in one format, and where they are."""

    model: Model
    quantization: Quantization
    scheme: Scheme


@dataclass(frozen=True, slots=True)
class PoolHardware:
    """Where it is to be served: the chip, and the engines for which the pool names an image of its own."""

    accelerator: Accelerator
    images: frozenset[str] = frozenset()


def choose_engine(
    catalogue: Catalogue, weights: ModelWeights, place: PoolHardware, *, wanted: str | None, unlisted: UnlistedPolicy
) -> Engine | Rejection:
    """The engine to use: the wanted one, or the preferred one of those that can; else the most helpful refusal."""
    if wanted is not None:
        engine = catalogue.engine(wanted)
        if engine is None:
            known = ", ".join(sorted(catalogue.engines))
            return reject(Reason.ENGINE_UNSUPPORTED, f"engine '{wanted}' is unknown; known are {known}")
        candidates: tuple[Engine, ...] = (engine,)
    else:
        candidates = tuple(e for e in catalogue.engines_for(place.accelerator.vendor) if e.built_in)
    return _best([(engine, refusals(catalogue, weights, place, engine)) for engine in candidates], unlisted)


def refusals(catalogue: Catalogue, weights: ModelWeights, place: PoolHardware, engine: Engine) -> list[Rejection]:
    """Why the engine cannot serve the weights there, what nobody can waive first; empty when it can."""
    accelerator = place.accelerator
    checks = (
        _wrong_vendor(catalogue, accelerator, engine),
        _wrong_task(weights.model, engine),
        _wrong_quantization(catalogue, weights.quantization, accelerator, engine),
        _wrong_scheme(weights.scheme, engine),
        _no_image(place, engine),
        _unlisted_architecture(catalogue, weights, place, engine),
    )
    found = [replace(refusal, engine=engine.name) for refusal in checks if refusal is not None]
    return sorted(found, key=_is_unlisted)


def _is_unlisted(refusal: Rejection) -> bool:
    return refusal.verdict is Verdict.UNLISTED


def _best(judged: Sequence[tuple[Engine, list[Rejection]]], unlisted: UnlistedPolicy) -> Engine | Rejection:
    """The first engine that can; with the user's leave the first unlisted one; else the most specific refusal."""
    able = next((engine for engine, found in judged if not found), None)
    if able is not None:
        return able
    maybe = next(((engine, found[0]) for engine, found in judged if _is_unlisted(found[0])), None)
    if maybe is not None:
        return maybe[0] if unlisted is UnlistedPolicy.ALLOW else maybe[1]
    first = [found[0] for _, found in judged]
    by_format = [refusal for refusal in first if refusal.reason is Reason.QUANTIZATION_UNSUPPORTED]
    return (by_format or first or [reject(Reason.ENGINE_UNSUPPORTED, "no engine runs on this accelerator")])[0]


def _wrong_vendor(catalogue: Catalogue, accelerator: Accelerator, engine: Engine) -> Rejection | None:
    if accelerator.vendor in engine.vendors:
        return None
    others = ", ".join(e.name for e in catalogue.engines_for(accelerator.vendor) if e.built_in)
    return reject(
        Reason.ENGINE_UNSUPPORTED, f"{engine.name} does not run on {accelerator.id}; use {others}, or leave engine out"
    )


def _wrong_task(model: Model, engine: Engine) -> Rejection | None:
    if model.task in engine.tasks:
        return None
    return reject(Reason.ENGINE_UNSUPPORTED, f"{engine.name} does not serve models of task {model.task} ({model.id})")


def _wrong_quantization(
    catalogue: Catalogue, quantization: Quantization, accelerator: Accelerator, engine: Engine
) -> Rejection | None:
    cell = catalogue.compatibility.support[quantization][accelerator.family]
    if engine.kind in cell.engines:
        return None
    if engine.kind in cell.unlisted:
        text = f"{engine.name} does not list {quantization} weights on {accelerator.id}"
        return Rejection(Verdict.UNLISTED, Reason.UNLISTED, f"{text}; {_way_out(cell)}or set unlisted: Allow to try")
    why = cell.why or f"{engine.name} has no {quantization} kernels for it"
    return reject(
        Reason.QUANTIZATION_UNSUPPORTED,
        f"{accelerator.id} cannot run {quantization} weights with {engine.name}: {why}; {_way_out(cell)}".rstrip("; "),
    )


def _way_out(cell: SupportEntry) -> str:
    if cell.instead:
        return f"use {cell.instead}; "
    others = " or ".join(cell.engines)
    return f"use engine {others}; " if others else ""


def _wrong_scheme(scheme: Scheme, engine: Engine) -> Rejection | None:
    if scheme in engine.schemes:
        return None
    schemes = ", ".join(f"{name}://" for name in engine.schemes)
    return reject(Reason.SOURCE_INVALID, f"{engine.name} takes no weights from {scheme}://; use {schemes}")


def _no_image(place: PoolHardware, engine: Engine) -> Rejection | None:
    if engine.name in place.images or engine.image_for(place.accelerator) is not None:
        return None
    return reject(
        Reason.ENGINE_UNSUPPORTED,
        f"no {engine.name} image is published for {place.accelerator.id}; use another engine, or give the image by "
        "spec.images of the pool or an EngineProfile",
    )


def _unlisted_architecture(
    catalogue: Catalogue, weights: ModelWeights, place: PoolHardware, engine: Engine
) -> Rejection | None:
    model, accelerator = weights.model, place.accelerator
    if engine.architectures.lists(model.architecture, accelerator.family):
        return None
    others = [
        other.name
        for other in catalogue.engines_for(accelerator.vendor)
        if other.built_in
        and other.architectures.lists(model.architecture, accelerator.family)
        and not refusals(catalogue, weights, place, other)
    ]
    way_out = f"use engine {' or '.join(others)}" if others else _other_models(catalogue, model, accelerator, engine)
    return Rejection(
        Verdict.UNLISTED,
        Reason.UNLISTED,
        f"{engine.name} does not list {model.architecture} on {accelerator.id}; {way_out}, or set unlisted: Allow to try",
    )


def _other_models(catalogue: Catalogue, model: Model, accelerator: Accelerator, engine: Engine) -> str:
    """A model of the same kind that the engine lists, e.g. another vision model."""
    same = [
        other
        for other in catalogue.models
        if bool(other.parameters.vision) == bool(model.parameters.vision)
        and other.task == model.task
        and engine.architectures.lists(other.architecture, accelerator.family)
    ]
    if not same:
        return "use another pool"
    nearest = min(same, key=lambda other: abs(other.parameters.total - model.parameters.total))
    return f"use another pool, or a listed model such as {nearest.id}"
