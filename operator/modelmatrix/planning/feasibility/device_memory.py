"""Memory of one device of a replica: weights, KV cache and overheads against what the framework may use.

Closed forms from the model's architecture; no file is read and nothing is measured. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelmatrix.api.model_deployment import Parallelism
from modelmatrix.catalogue.accelerators import Accelerator
from modelmatrix.catalogue.engines import Engine
from modelmatrix.catalogue.models import Model
from modelmatrix.catalogue.quantization import Format

GIB = 2**30
SIXTEEN_BIT = 2  # bytes of a parameter or cache entry that is not quantized
INDEXER_BYTES_PER_TOKEN = 4  # scale beside the indexer's 8-bit keys, in bytes a layer


@dataclass(frozen=True, slots=True)
class DeviceMemoryEstimate:
    """GiB of one device, and what the engine may use of it.

    ``usable_gibibytes`` is what the framework sees; ``budget_gibibytes`` the share that the engine may fill. ``key_value_bits``
    are those of a cache entry.
    """

    weights_gibibytes: float
    kv_cache_gibibytes: float
    overhead_gibibytes: float
    usable_gibibytes: float
    budget_gibibytes: float
    key_value_bits: int = 16

    @property
    def needed_gibibytes(self) -> float:
        """Everything that must fit."""
        return self.weights_gibibytes + self.kv_cache_gibibytes + self.overhead_gibibytes

    @property
    def fits(self) -> bool:
        """Whether it fits the budget."""
        return self.needed_gibibytes <= self.budget_gibibytes


@dataclass(frozen=True, slots=True)
class ModelFootprint:
    """What is to be held: a model in a format, with a context length in tokens."""

    model: Model
    format: Format
    max_model_len: int


def memory_need(
    load: ModelFootprint, parallelism: Parallelism, accelerator: Accelerator, engine: Engine
) -> DeviceMemoryEstimate:
    """Memory of one device when a replica is split by ``parallelism``."""
    usable = accelerator.usable_gibibytes
    return DeviceMemoryEstimate(
        weights_gibibytes=weight_bytes(load, parallelism) / GIB,
        kv_cache_gibibytes=kv_cache_bytes(load.model, load.max_model_len, parallelism, bits=engine.memory.key_value_bits) / GIB,
        overhead_gibibytes=_overhead_gibibytes(load.model, parallelism, engine),
        usable_gibibytes=usable,
        budget_gibibytes=usable * engine.memory.utilization,
        key_value_bits=engine.memory.key_value_bits,
    )


def weight_bytes(load: ModelFootprint, parallelism: Parallelism) -> float:
    """Bytes of weights on one device.

    Experts are divided over tensor and data ranks, everything else over tensor ranks, both over pipeline stages. The latent
    projections of MLA and the vision tower are on every tensor rank. Embedding and output layer stay 16 bit.
    """
    model, form = load.model, load.format
    replicated, divided = replicated_and_divided(model)
    per_stage = (
        model.parameters.routed_experts * form.experts / (parallelism.tensor * parallelism.data)
        + divided * form.linear / parallelism.tensor
        + replicated * form.linear
    ) / parallelism.pipeline
    return per_stage + (_embedding_parameters(model) / parallelism.tensor + model.parameters.vision) * SIXTEEN_BIT


def replicated_and_divided(model: Model) -> tuple[int, int]:
    """Parameters of linear layers that every tensor rank has, and of those that are divided over them; without experts."""
    latent = _latent_parameters(model)
    others = model.parameters.routed_experts + latent + _embedding_parameters(model) + model.parameters.vision
    return latent, max(0, model.parameters.total - others)


def total_weight_bytes(load: ModelFootprint) -> float:
    """Bytes of the whole model's weights, as its files hold them."""
    return weight_bytes(load, Parallelism())


def kv_cache_bytes(model: Model, tokens: int, parallelism: Parallelism, *, bits: int = 16) -> float:
    """Bytes of cache on one device for one sequence of ``tokens``, with ``bits`` an entry.

    Heads are divided over tensor ranks but never below one; a latent cache is on every tensor rank. Data-parallel ranks have
    caches of their own, so they do not divide it.
    """
    layers = model.layers if model.key_value_layers is None else model.key_value_layers
    sliding = model.sliding_window.layers if model.sliding_window else 0
    window = model.sliding_window.tokens if model.sliding_window else 0
    per_layer = _kv_bytes_per_token_and_layer(model, parallelism.tensor, bits / 8)
    growing = (layers - sliding) * tokens * per_layer + sliding * min(tokens, window) * per_layer
    return (growing + model.recurrent_state_bytes / parallelism.tensor) / parallelism.pipeline


def _kv_bytes_per_token_and_layer(model: Model, tensor: int, entry_bytes: float) -> float:
    latent = model.latent_attention
    if latent is None:
        heads = max(1, -(-model.key_value_heads // tensor))
        return 2 * heads * model.head_dim * entry_bytes
    indexer = model.sparse_indexer
    index = indexer.head_dim + INDEXER_BYTES_PER_TOKEN if indexer else 0
    # What an 8-bit cache of a latent keeps at 16 bit: the position part, and scales of 4 bytes for 128 entries.
    rope = latent.rope_head_dim * SIXTEEN_BIT
    scales = 0 if entry_bytes == SIXTEEN_BIT else latent.key_value_lora_rank / 128 * 4
    return latent.key_value_lora_rank * entry_bytes + scales + rope + index


def _latent_parameters(model: Model) -> int:
    latent = model.latent_attention
    if latent is None:
        return 0
    ranks = latent.query_lora_rank + latent.key_value_lora_rank + latent.rope_head_dim
    return model.layers * model.hidden_size * ranks


def _embedding_parameters(model: Model) -> int:
    matrices = 1 if model.tied_embeddings else 2
    return model.vocabulary_size * model.hidden_size * matrices


def _overhead_gibibytes(model: Model, parallelism: Parallelism, engine: Engine) -> float:
    devices = parallelism.tensor * parallelism.pipeline * parallelism.data
    memory = engine.memory
    return (
        memory.base_gibibytes
        + (memory.experts_gibibytes if model.experts else 0)
        + (memory.collective_gibibytes if devices > 1 else 0)
    )
