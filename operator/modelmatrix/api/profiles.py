"""ModelProfile and EngineProfile: what a bank adds to the catalogue, in the same form as the built-in facts."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from modelmatrix.api.base import ATOMIC_LIST, ApiModel, keyed_list
from modelmatrix.api.model_deployment import Quantization

Count = Annotated[int, Field(ge=0, le=10_000_000)]
Positive = Annotated[int, Field(ge=1, le=10_000_000)]
ParameterCount = Annotated[int, Field(ge=0, le=100_000_000_000_000)]
ModelName = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class Task(StrEnum):
    """The task that requests to the model have."""

    GENERATE = "Generate"
    EMBED = "Embed"
    RERANK = "Rerank"


class LatentAttention(ApiModel):
    """Multi-head latent attention (DeepSeek): one compressed key-value vector a token instead of heads."""

    query_lora_rank: Count = Field(description="Rank of the query projection; 0 when queries are not compressed, e.g. 1536.")
    key_value_lora_rank: Positive = Field(description="Rank of the compressed key and value, e.g. 512.")
    nope_head_dim: Positive = Field(description="Size of a head without position, e.g. 128.")
    rope_head_dim: Positive = Field(description="Size of a head's position part, e.g. 64.")
    value_head_dim: Positive = Field(description="Size of a value head, e.g. 128.")


class SparseIndexer(ApiModel):
    """Indexer of sparse attention (DeepSeek-V3.2, GLM-5), which has its own key cache."""

    heads: Positive = Field(description="Heads of the indexer, e.g. 64.")
    head_dim: Positive = Field(description="Size of an indexer head, e.g. 128.")
    top_k: Positive = Field(description="Tokens that attention reads, e.g. 2048.")


class Experts(ApiModel):
    """Mixture of experts."""

    count: Positive = Field(description="Routed experts of a layer, e.g. 256.")
    active: Positive = Field(description="Routed experts that a token uses, e.g. 8.")
    shared: Count = Field(default=0, description="Experts that every token uses, e.g. 1.")
    intermediate_size: Positive = Field(description="Width of an expert, e.g. 2048.")
    dense_layers: Count = Field(default=0, description="First layers without experts, e.g. 3.")


class SlidingWindow(ApiModel):
    """Layers that see only the last tokens."""

    tokens: Positive = Field(description="Tokens that such a layer caches, e.g. 128.")
    layers: Positive = Field(description="Number of such layers, e.g. 18.")


class Parameters(ApiModel):
    """Numbers of parameters, without multi-token-prediction layers."""

    total: ParameterCount = Field(description="All parameters, e.g. 32762101760.")
    active: ParameterCount = Field(default=0, description="Parameters that a token uses; 0 means all.")
    routed_experts: ParameterCount = Field(default=0, description="Parameters of the routed experts.")
    vision: ParameterCount = Field(default=0, description="Parameters of the vision tower; it stays 16 bit.")
    multi_token: ParameterCount = Field(
        default=0, description="Parameters of multi-token-prediction layers; loaded for speculative decoding only."
    )


class ModelProfileSpec(ApiModel):
    """Architecture of a model: what decides whether and where it runs."""

    aliases: Annotated[list[ModelName], Field(max_length=32)] = Field(
        default_factory=list,
        description="Other names of models with the same architecture, e.g. Qwen/QwQ-32B.",
        json_schema_extra=ATOMIC_LIST,
    )
    architecture: Annotated[str, StringConstraints(min_length=1, max_length=128)] = Field(
        description="Class name in the model's config.json, e.g. Qwen3ForCausalLM."
    )
    task: Task = Field(default=Task.GENERATE, description="What the model does: Generate, Embed or Rerank.")
    layers: Positive = Field(description="Layers, e.g. 64.")
    hidden_size: Positive = Field(description="Width of the residual stream, e.g. 5120.")
    attention_heads: Positive = Field(description="Query heads, e.g. 64.")
    key_value_heads: Positive = Field(description="Key and value heads, e.g. 8.")
    head_dim: Positive = Field(description="Size of a head, e.g. 128.")
    intermediate_size: Count = Field(default=0, description="Width of the dense feed-forward, e.g. 25600.")
    vocabulary_size: Positive = Field(description="Rows of the embedding, e.g. 151936.")
    tied_embeddings: bool = Field(default=False, description="Whether the output layer is the embedding itself.")
    key_value_layers: Count | None = Field(
        default=None,
        description="Layers that keep a growing key-value cache, e.g. 16 of a hybrid model; 0 for encoders. When left "
        "out all layers.",
    )
    recurrent_state_bytes: ParameterCount = Field(
        default=0, description="Bytes of constant state that a running sequence of a hybrid model keeps."
    )
    sliding_window: SlidingWindow | None = Field(default=None, description="Layers with a sliding window, if any.")
    latent_attention: LatentAttention | None = Field(default=None, description="Multi-head latent attention, if any.")
    sparse_indexer: SparseIndexer | None = Field(default=None, description="Indexer of sparse attention, if any.")
    experts: Experts | None = Field(default=None, description="Mixture of experts, if any.")
    fp8_block_size: Annotated[int, Field(ge=0, le=1024)] = Field(
        default=0,
        description="Edge of the scaling blocks of the published FP8 weights, e.g. 128; 0 when scales are per tensor or "
        "channel.",
    )
    custom_code: bool = Field(
        default=False,
        description="Whether the model's files hold Python code of their own that the engine must run, e.g. a tokenizer; it is "
        "then started with leave to run it (--trust-remote-code).",
    )
    parameters: Parameters = Field(description="Numbers of parameters.")
    max_position_embeddings: Positive = Field(description="Longest context that the model was made for, e.g. 40960.")
    default_max_model_len: Positive = Field(
        description="Context length of deployments that do not set maxModelLen, e.g. 32768."
    )
    native_quantization: Quantization = Field(description="Format in which the model was published, e.g. BF16.")
    sources: Annotated[list[Annotated[str, StringConstraints(max_length=512)]], Field(max_length=8)] = Field(
        default_factory=list, description="Where these facts are from.", json_schema_extra=ATOMIC_LIST
    )


class EngineProfileSpec(ApiModel):
    """An engine image of the bank's own, derived from a built-in engine."""

    base: Annotated[str, StringConstraints(min_length=1, max_length=63)] = Field(
        description="Built-in engine that it behaves like: vLLM, vLLM-Ascend, SGLang, MindIE, TEI or llama.cpp."
    )
    images: Annotated[list[EngineImage], Field(min_length=1, max_length=16)] = Field(
        description="Container images by kind of accelerator.", json_schema_extra=keyed_list("accelerator")
    )
    arguments: Annotated[list[Annotated[str, StringConstraints(min_length=1, max_length=512)]], Field(max_length=64)] = Field(
        default_factory=list,
        description="Arguments that are appended to the engine's own, e.g. --enable-prefix-caching.",
        json_schema_extra=ATOMIC_LIST,
    )
    key_value_bits: Annotated[int, Field(ge=4, le=16)] = Field(
        default=16,
        description="Bits of an entry of the key-value cache, e.g. 8 when the arguments have --kv-cache-dtype fp8. It decides "
        "how much context fits.",
    )
    supports_architectures: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=128)]], Field(max_length=64)
    ] = Field(
        default_factory=list,
        description="Architectures that this image serves beyond the support list of its base, e.g. DeepseekVLV2ForCausalLM.",
        json_schema_extra=ATOMIC_LIST,
    )


class EngineImage(ApiModel):
    """Image for one kind of accelerator."""

    accelerator: Annotated[str, StringConstraints(min_length=1, max_length=63)] = Field(
        description="Catalogue id of a chip, or its family, e.g. 910b-64g or ascend-910b."
    )
    image: Annotated[str, StringConstraints(min_length=1, max_length=512)] = Field(
        description="Container image, e.g. registry.bank.local/vllm-ascend:TAG-bank1."
    )


EngineProfileSpec.model_rebuild()
