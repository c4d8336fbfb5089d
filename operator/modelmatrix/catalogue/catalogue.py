"""The catalogue as an object: all facts, and look-ups by the names that users write. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from modelmatrix.api.profiles import EngineProfileSpec, ModelProfileSpec
from modelmatrix.catalogue.accelerators import Accelerator, Vendor
from modelmatrix.catalogue.engine_extension import extend_engine
from modelmatrix.catalogue.engine_version import is_since, version_of
from modelmatrix.catalogue.engines import Architectures, Argument, Engine, EngineImageRule
from modelmatrix.catalogue.metrics import Histograms, MetricDialect, Signal
from modelmatrix.catalogue.models import Model
from modelmatrix.catalogue.quantization import Compatibility

# Names of repositories with quantized or tuned weights end in these; the architecture is that of the base model.
_SUFFIX = re.compile(
    r"-(fp8|bf16|fp16|w8a8(sc)?|w8a16|w4a16|w4a8|awq|gptq|int4|int8|mxfp4|nvfp4|gguf|gptq-int[48]|instruct|chat|quarot|mtp)$"
)
_LEAST_SIMILARITY = 0.75


def normalise(name: str) -> str:
    """The form in which names are compared: lower case, without the organisation before the slash."""
    return name.strip().lower().rpartition("/")[2]


def _shorter_names(name: str) -> Iterator[str]:
    """The normalised name, then the name with one more suffix of quantized or tuned weights removed each time."""
    key = normalise(name)
    while True:
        yield key
        shorter = _SUFFIX.sub("", key)
        if shorter == key:
            return
        key = shorter


class KnownModel(NamedTuple):
    """A model and the canonical spelling of the name under which it was found."""

    name: str
    facts: Model


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Facts by name. Immutable; a bank's own profiles make a new catalogue with :meth:`extended`.

    Later models win over earlier ones of the same name. Every vendor, family, dialect and quantization that an entry refers
    to exists: the loader has checked it.
    """

    vendors: Mapping[str, Vendor]
    accelerators: Mapping[str, Accelerator]
    models: tuple[Model, ...]
    engines: Mapping[str, Engine]
    compatibility: Compatibility
    histograms: Histograms
    dialects: Mapping[str, MetricDialect]

    def accelerator(self, accelerator_id: str) -> Accelerator | None:
        """The accelerator of that id, which is case-sensitive; ``None`` when it is unknown."""
        return self.accelerators.get(accelerator_id)

    def model(self, name: str) -> KnownModel | None:
        """The model with this id or alias, in any case, with or without organisation; ``None`` when it is unknown.

        An unknown name is tried again without the suffixes of quantized weights, such as ``-FP8`` or ``-W8A8``.
        """
        return next((known for key in _shorter_names(name) if (known := self._by_name.get(key))), None)

    def near(self, name: str) -> str | None:
        """The known model name that is most similar to an unknown one, for messages; ``None`` when none is similar."""
        return _nearest(normalise(name), self._names)

    def engine(self, name: str) -> Engine | None:
        """The engine of that name, in any case; ``None`` when it is unknown."""
        return self._engines_by_name.get(name.lower())

    def bounds(self, engine: Engine, image: str, signal: Signal) -> tuple[float, ...]:
        """Upper bounds of the engine's histogram of TTFT, TPOT or E2E in seconds, ascending; empty when it has none.

        The bounds are ours when the image's version accepts them, else the dialect's.
        """
        dialect = self.dialects[engine.dialect]
        if dialect.buckets == "fixed" or not is_since(version_of(image), dialect.given_since):
            return dialect.bounds.get(signal, ())
        ours = {
            Signal.TTFT: self.histograms.time_to_first_token,
            Signal.TPOT: self.histograms.inter_token_latency,
            Signal.E2E: self.histograms.request_latency,
        }
        return ours[signal]

    def engines_for(self, vendor: str) -> tuple[Engine, ...]:
        """Engines that run on the accelerators of the vendor of that id, the preferred one first."""
        return self._engines_by_vendor[vendor]

    def extended(self, models: Mapping[str, ModelProfileSpec], engines: Mapping[str, EngineProfileSpec]) -> Catalogue:
        """This catalogue with a bank's own models and engines, which win over built-in ones of the same name.

        An EngineProfile whose base is unknown adds no engine.
        """
        own = tuple(Model(id=name, **profile.model_dump()) for name, profile in sorted(models.items()))
        derived = {name: engine for name, profile in sorted(engines.items()) if (engine := self._derive(name, profile))}
        return replace(self, models=(*self.models, *own), engines={**self.engines, **derived})

    def _derive(self, name: str, profile: EngineProfileSpec) -> Engine | None:
        base = self.engine(profile.base)
        return extend_engine(base, _changes(name, base, profile)) if base is not None else None

    @cached_property
    def _by_name(self) -> dict[str, KnownModel]:
        exact: dict[str, KnownModel] = {}
        short: dict[str, KnownModel] = {}
        for model in self.models:  # a bank's own models come last, and win
            for name in (*model.aliases, model.id):
                known = KnownModel(name, model)
                exact[normalise(name)] = known
                short.update(dict.fromkeys(_shorter_names(name), known))
        return short | exact

    @cached_property
    def _names(self) -> tuple[str, ...]:
        """All names without organisation, in their own spelling, sorted."""
        return tuple(sorted({name.rpartition("/")[2] for model in self.models for name in (model.id, *model.aliases)}))

    @cached_property
    def _engines_by_name(self) -> dict[str, Engine]:
        return {name.lower(): engine for name, engine in self.engines.items()}

    @cached_property
    def _engines_by_vendor(self) -> dict[str, tuple[Engine, ...]]:
        ranked = sorted(self.engines.values(), key=lambda engine: (engine.rank, engine.name))
        return {vendor: tuple(engine for engine in ranked if vendor in engine.vendors) for vendor in self.vendors}


@lru_cache(maxsize=256)
def _nearest(name: str, names: tuple[str, ...]) -> str | None:
    by_form = {normalise(known): known for known in names}
    matches = get_close_matches(name, by_form, n=1, cutoff=_LEAST_SIMILARITY)
    return by_form[matches[0]] if matches else None


def _changes(name: str, base: Engine, profile: EngineProfileSpec) -> dict[str, Any]:
    """What an EngineProfile changes of its base, as the fields of a data file."""
    architectures, extra = base.architectures, profile.supports_architectures
    return {
        "name": name,
        "base": base.name,
        "images": [EngineImageRule(families=(image.accelerator,), image=image.image) for image in profile.images],
        "arguments": [Argument(args=(_literal(text),)) for text in profile.arguments],
        "architectures": Architectures(
            any=architectures.any,
            listed=(*architectures.listed, *extra),
            families={family: (*listed, *extra) for family, listed in architectures.families.items()},
            source=f"EngineProfile {name}",
        ),
        "memory": base.memory.model_copy(update={"key_value_bits": profile.key_value_bits}),
    }


def _literal(argument: str) -> str:
    """An argument of a profile, whose braces are not variables."""
    return argument.replace("{", "{{").replace("}", "}}")
