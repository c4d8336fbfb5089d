"""Converts a model's config.json, as Hugging Face and ModelScope publish it, into a ModelProfile. No weights are read.

Dimensions come from the file; what the model's class implies beyond it comes from ``data/architectures.yaml``, and the number
of parameters is computed from both (``parameter_count``). A class that is not among the data is refused, because a guess
would be wrong by gigabytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelmatrix.api.model_deployment import Quantization
from modelmatrix.api.profiles import (
    Experts,
    LatentAttention,
    ModelProfileSpec,
    Parameters,
    SlidingWindow,
    SparseIndexer,
    Task,
)
from modelmatrix.catalogue.huggingface.parameter_count import ArchitectureShape, LinearAttention, Vision, parameters_of
from modelmatrix.catalogue.huggingface.quantization_config import published_format
from modelmatrix.catalogue.loader import architecture_rules
from modelmatrix.catalogue.models import Architecture, ArchitectureRules

SERVED_LENGTH = 32768  # tokens; the default context of a deployment, unless the model's own is shorter

Config = Mapping[str, Any]


class ConfigError(ValueError):
    """The file does not describe a model of a known class; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """A config.json, the part of it that describes the language model, and the rules for reading both."""

    config: Config
    text: Config
    rules: ArchitectureRules

    def find(self, field: str) -> int:
        """The field's value, or 0 when the file does not have it."""
        values = (_integer(self.text.get(name, self.config.get(name))) for name in self.rules.names[field])
        return next((value for value in values if value), 0)

    def need(self, field: str) -> int:
        """The field's value.

        Raises:
            ConfigError: the file does not have it.
        """
        value = self.find(field)
        if not value:
            names = " or ".join(self.rules.names[field])
            raise ConfigError(f"config.json has no {names}: is it that of the whole model?")
        return value

    def flag(self, *names: str) -> bool:
        """Whether one of the names is true."""
        return any(self.text.get(name, self.config.get(name)) is True for name in names)


def profile_of(
    config: Config, *, task: Task | None = None, aliases: Sequence[str] = (), sources: Sequence[str] = ()
) -> ModelProfileSpec:
    """The profile of the model that a config.json describes; ``task`` overrides the usual task of its class.

    Raises:
        ConfigError: the class is unknown, or a dimension is missing or out of bounds.
    """
    rules = architecture_rules()
    name, architecture = _architecture(config, rules)
    text = next((config[key] for key in rules.text if isinstance(config.get(key), Mapping)), config)
    reader = _Reader(config, text, rules)
    heads, hidden = reader.need("attention_heads"), reader.need("hidden_size")
    positions = reader.need("positions")
    draft = ModelProfileSpec(
        aliases=list(aliases),
        architecture=name,
        task=task or architecture.task,
        layers=reader.need("layers"),
        hidden_size=hidden,
        attention_heads=heads,
        key_value_heads=reader.find("key_value_heads") or heads,
        head_dim=reader.find("head_dim") or hidden // heads,
        intermediate_size=reader.find("intermediate_size"),
        vocabulary_size=reader.need("vocabulary_size"),
        tied_embeddings=architecture.encoder or reader.flag("tie_word_embeddings"),
        key_value_layers=0 if architecture.encoder else _full_layers(reader),
        recurrent_state_bytes=_recurrent_state(reader),
        sliding_window=_sliding_window(reader),
        latent_attention=_latent_attention(reader),
        sparse_indexer=_indexer(reader),
        experts=_experts(reader),
        fp8_block_size=architecture.fp8_block,
        custom_code=isinstance(config.get("auto_map"), Mapping) and config.get("model_type") not in rules.native_types,
        parameters=Parameters(total=0),
        max_position_embeddings=positions,
        default_max_model_len=min(positions, SERVED_LENGTH),
        native_quantization=_native(config, text),
        sources=list(sources),
    )
    return draft.model_copy(update={"parameters": parameters_of(_shape(draft, reader, architecture))})


def _integer(value: Any) -> int:
    """A positive integer, or the first of a list of equal ones, as some files write it; 0 for everything else."""
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _architecture(config: Config, rules: ArchitectureRules) -> tuple[str, Architecture]:
    listed = config.get("architectures")
    name = listed[0] if isinstance(listed, list) and listed else None
    if not isinstance(name, str):
        raise ConfigError("config.json has no architectures: it must be that of a model, with the name of its class")
    architecture = rules.architectures.get(name)
    if architecture is None:
        known = ", ".join(sorted(rules.architectures))
        raise ConfigError(
            f"architecture {name} is not known; known are {known}. Describe the model with a ModelProfile by hand"
        )
    return name, architecture


def _shape(draft: ModelProfileSpec, reader: _Reader, architecture: Architecture) -> ArchitectureShape:
    return ArchitectureShape(
        profile=draft,
        architecture=architecture,
        biased=architecture.biased or reader.flag(*reader.rules.bias_flags),
        linear=_linear_attention(reader),
        vision=_vision(reader),
        multi_token_layers=reader.find("multi_token_layers"),
        token_types=reader.find("token_types"),
    )


def _experts(reader: _Reader) -> Experts | None:
    count = reader.find("expert_count")
    if not count:
        return None
    width = reader.need("expert_width")
    shared = reader.find("expert_shared") or reader.find("expert_shared_width") // width
    return Experts(
        count=count,
        active=reader.need("expert_active"),
        shared=shared,
        intermediate_size=width,
        dense_layers=reader.find("dense_layers"),
    )


def _latent_attention(reader: _Reader) -> LatentAttention | None:
    rank = reader.find("key_value_lora_rank")
    if not rank:
        return None
    return LatentAttention(
        query_lora_rank=reader.find("query_lora_rank"),
        key_value_lora_rank=rank,
        nope_head_dim=reader.need("nope_head_dim"),
        rope_head_dim=reader.need("rope_head_dim"),
        value_head_dim=reader.need("value_head_dim"),
    )


def _indexer(reader: _Reader) -> SparseIndexer | None:
    heads = reader.find("indexer_heads")
    if not heads:
        return None
    return SparseIndexer(heads=heads, head_dim=reader.need("indexer_head_dim"), top_k=reader.need("indexer_top_k"))


def _sliding_window(reader: _Reader) -> SlidingWindow | None:
    kinds, tokens = reader.text.get("layer_types"), reader.find("sliding_window")
    layers = kinds.count("sliding_attention") if isinstance(kinds, list) else 0
    return SlidingWindow(tokens=tokens, layers=layers) if tokens and layers else None


def _linear_attention(reader: _Reader) -> LinearAttention | None:
    if not reader.find("linear_value_heads"):
        return None
    return LinearAttention(
        key_heads=reader.need("linear_key_heads"),
        value_heads=reader.need("linear_value_heads"),
        key_dim=reader.need("linear_key_dim"),
        value_dim=reader.need("linear_value_dim"),
        kernel=reader.need("linear_kernel"),
    )


def _full_layers(reader: _Reader) -> int | None:
    """Layers of a hybrid model that have a key-value cache; ``None`` when all layers have one."""
    interval = reader.find("full_attention_interval")
    return reader.need("layers") // interval if interval and _linear_attention(reader) else None


def _recurrent_state(reader: _Reader) -> int:
    linear, full = _linear_attention(reader), _full_layers(reader)
    return (reader.need("layers") - full) * linear.state_bytes if linear and full is not None else 0


def _vision(reader: _Reader) -> Vision | None:
    part = reader.config.get("vision_config")
    if not isinstance(part, Mapping):
        return None
    dimensions = {
        field: next((value for name in names if (value := _integer(part.get(name)))), 0)
        for field, names in reader.rules.vision_names.items()
    }
    deep = part.get("deepstack_visual_indexes")
    return Vision(
        layers=dimensions["layers"],
        hidden_size=dimensions["hidden_size"],
        intermediate_size=dimensions["intermediate_size"],
        merged=dimensions["merged"] or 2,
        projections=1 + (len(deep) if isinstance(deep, list) else 0),
    )


def _native(config: Config, text: Config) -> Quantization:
    """The format in which the weights are published.

    Raises:
        ConfigError: the file names an unknown format.
    """
    quantization = published_format(config.get("quantization_config") or text.get("quantization_config"), config, text)
    if quantization is None:
        raise ConfigError("quantization_config names a format that is not known; set nativeQuantization by hand")
    return quantization
