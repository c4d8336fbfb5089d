"""Which engine runs a model's weights on an accelerator, and why another one does not. Pure.

An engine is a candidate until a check rejects it. All checks run, so that the rejection that helps most can be chosen; each
rejection says what to change. The order of ``CHECKS`` is the order in which rejections are preferred.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    """What is to be served: a model's weights in one format, where they are, and who may ask for what.

    ``keyed``: clients must send an API key. ``measured``: Prometheus must read the engine's metrics.
    """

    model: Model
    quantization: Quantization
    scheme: Scheme
    keyed: bool = False
    measured: bool = False


@dataclass(frozen=True, slots=True)
class PoolHardware:
    """Where it is to be served: the accelerator, and the engines for which the pool names an image of its own."""

    accelerator: Accelerator
    images: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class EngineCandidate:
    """One engine that might serve the weights on the hardware."""

    catalogue: Catalogue
    weights: ModelWeights
    hardware: PoolHardware
    engine: Engine


Check = Callable[[EngineCandidate], Rejection | None]


def choose_engine(
    catalogue: Catalogue, weights: ModelWeights, hardware: PoolHardware, *, requested: str | None, unlisted: UnlistedPolicy
) -> Engine | Rejection:
    """The engine to use: the requested one, else the preferred one of those that can serve the weights.

    Where none can, the most helpful rejection.
    """
    if requested is not None:
        engine = catalogue.engine(requested)
        if engine is None:
            known = ", ".join(sorted(catalogue.engines))
            return reject(Reason.ENGINE_UNSUPPORTED, f"engine '{requested}' is unknown; known are {known}")
        engines: tuple[Engine, ...] = (engine,)
    else:
        engines = tuple(e for e in catalogue.engines_for(hardware.accelerator.vendor) if e.built_in)
    judged = [(engine, rejections(EngineCandidate(catalogue, weights, hardware, engine))) for engine in engines]
    return _best(judged, unlisted)


def rejections(candidate: EngineCandidate) -> list[Rejection]:
    """Why the engine cannot serve the weights there, in the order of the checks; empty when it can.

    What ``unlisted: Allow`` waives comes last.
    """
    rejected = (check(candidate) for check in CHECKS)
    named = [replace(rejection, engine=candidate.engine.name) for rejection in rejected if rejection is not None]
    return sorted(named, key=_is_unlisted)


def _is_unlisted(rejection: Rejection) -> bool:
    return rejection.verdict is Verdict.UNLISTED


def _best(judged: Sequence[tuple[Engine, list[Rejection]]], unlisted: UnlistedPolicy) -> Engine | Rejection:
    """The first engine without a rejection, or the first unlisted one if that is allowed; else the most specific rejection."""
    able = next((engine for engine, rejected in judged if not rejected), None)
    if able is not None:
        return able
    maybe = next(((engine, rejected[0]) for engine, rejected in judged if _is_unlisted(rejected[0])), None)
    if maybe is not None:
        return maybe[0] if unlisted is UnlistedPolicy.ALLOW else maybe[1]
    first = [rejected[0] for _, rejected in judged]
    by_format = [rejection for rejection in first if rejection.reason is Reason.QUANTIZATION_UNSUPPORTED]
    return (by_format or first or [reject(Reason.ENGINE_UNSUPPORTED, "no engine runs on this accelerator")])[0]


def _vendor_is_foreign(candidate: EngineCandidate) -> Rejection | None:
    accelerator, engine = candidate.hardware.accelerator, candidate.engine
    if accelerator.vendor in engine.vendors:
        return None
    others = ", ".join(e.name for e in candidate.catalogue.engines_for(accelerator.vendor) if e.built_in)
    return reject(
        Reason.ENGINE_UNSUPPORTED, f"{engine.name} does not run on {accelerator.id}; use {others}, or leave engine out"
    )


def _task_is_not_served(candidate: EngineCandidate) -> Rejection | None:
    model, engine = candidate.weights.model, candidate.engine
    if model.task in engine.tasks:
        return None
    return reject(Reason.ENGINE_UNSUPPORTED, f"{engine.name} does not serve models of task {model.task} ({model.id})")


def _quantization_has_no_kernels(candidate: EngineCandidate) -> Rejection | None:
    quantization, accelerator, engine = candidate.weights.quantization, candidate.hardware.accelerator, candidate.engine
    support = candidate.catalogue.compatibility.support[quantization][accelerator.family]
    if engine.kind in support.engines:
        return None
    if engine.kind in support.unlisted:
        text = f"{engine.name} does not list {quantization} weights on {accelerator.id}"
        return Rejection(Verdict.UNLISTED, Reason.UNLISTED, f"{text}; {_remedy(support)}or set unlisted: Allow to try")
    why = support.why or f"{engine.name} has no {quantization} kernels for it"
    return reject(
        Reason.QUANTIZATION_UNSUPPORTED,
        f"{accelerator.id} cannot run {quantization} weights with {engine.name}: {why}; {_remedy(support)}".rstrip("; "),
    )


def _remedy(support: SupportEntry) -> str:
    if support.instead:
        return f"use {support.instead}; "
    others = " or ".join(support.engines)
    return f"use engine {others}; " if others else ""


def _source_is_not_read(candidate: EngineCandidate) -> Rejection | None:
    scheme, engine = candidate.weights.scheme, candidate.engine
    if scheme in engine.schemes:
        return None
    schemes = ", ".join(f"{name}://" for name in engine.schemes)
    return reject(Reason.SOURCE_INVALID, f"{engine.name} takes no weights from {scheme}://; use {schemes}")


def _api_key_is_not_checked(candidate: EngineCandidate) -> Rejection | None:
    weights, engine = candidate.weights, candidate.engine
    if not weights.keyed:
        return None
    if engine.api_key is None:
        return reject(Reason.ENGINE_UNSUPPORTED, f"{engine.name} checks no API key; use another engine, or leave apiKey out")
    if not (engine.api_key.guards_metrics and weights.measured):
        return None
    return reject(
        Reason.ENGINE_UNSUPPORTED,
        f"{engine.name} wants the API key for its metrics too, and Prometheus has none; leave apiKey out, or both slo and "
        "scaling",
    )


def _image_is_missing(candidate: EngineCandidate) -> Rejection | None:
    hardware, engine = candidate.hardware, candidate.engine
    if engine.name in hardware.images or engine.image_for(hardware.accelerator) is not None:
        return None
    return reject(
        Reason.ENGINE_UNSUPPORTED,
        f"no {engine.name} image is published for {hardware.accelerator.id}; use another engine, or give the image by "
        "spec.images of the pool or an EngineProfile",
    )


def _architecture_is_unlisted(candidate: EngineCandidate) -> Rejection | None:
    catalogue, model = candidate.catalogue, candidate.weights.model
    accelerator, engine = candidate.hardware.accelerator, candidate.engine
    if engine.architectures.lists(model.architecture, accelerator.family):
        return None
    others = [
        other.name
        for other in catalogue.engines_for(accelerator.vendor)
        if other.built_in
        and other.architectures.lists(model.architecture, accelerator.family)
        and not rejections(replace(candidate, engine=other))
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


CHECKS: tuple[Check, ...] = (
    _vendor_is_foreign,  # the engine has no build for the accelerator's vendor
    _task_is_not_served,  # e.g. an embedding model on an engine that only generates
    _quantization_has_no_kernels,  # the truth table: format x family of accelerators x engine
    _source_is_not_read,  # the engine cannot load weights from that kind of store
    _api_key_is_not_checked,  # the engine would serve without the key, or would not be measured with it
    _image_is_missing,  # neither the catalogue nor the pool names an image
    _architecture_is_unlisted,  # the engine's published list lacks the architecture; `unlisted: Allow` waives it
)
