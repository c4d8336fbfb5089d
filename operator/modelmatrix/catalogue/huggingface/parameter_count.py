"""Numbers of parameters, computed from the dimensions of a model. Pure.

Closed forms over matrices, biases and norms: attention (also latent and linear), dense and routed feed-forward, embeddings,
vision tower. They reproduce every built-in model whose config.json is public, parameter for parameter.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelmatrix.api.profiles import ModelProfileSpec, Parameters
from modelmatrix.catalogue.models import Architecture

GATED, PLAIN = 3, 2  # matrices of a feed-forward layer with and without a gate


@dataclass(frozen=True, slots=True)
class LinearAttention:
    """Dimensions of a gated delta net: a recurrent layer with its own numbers of key and value heads."""

    key_heads: int
    value_heads: int
    key_dim: int
    value_dim: int
    kernel: int

    @property
    def channels(self) -> int:
        """Width of the convolution's input: query, key and value together."""
        return 2 * self.key_heads * self.key_dim + self.value_heads * self.value_dim

    @property
    def state_bytes(self) -> int:
        """Bytes of state of one sequence in one layer: the memory at 32 bit, the convolution's past inputs at 16 bit."""
        return self.value_heads * self.key_dim * self.value_dim * 4 + self.channels * (self.kernel - 1) * 2


@dataclass(frozen=True, slots=True)
class Vision:
    """Dimensions of a vision tower and of its projections into the language model; ``merged`` is the edge of merged patches."""

    layers: int
    hidden_size: int
    intermediate_size: int
    merged: int
    projections: int


@dataclass(frozen=True, slots=True)
class ArchitectureShape:
    """The dimensions of a model: its profile, and the parts that a profile does not describe."""

    profile: ModelProfileSpec
    architecture: Architecture
    biased: bool = False
    linear: LinearAttention | None = None
    vision: Vision | None = None
    multi_token_layers: int = 0
    token_types: int = 0


def parameters_of(shape: ArchitectureShape) -> Parameters:
    """Parameters in total, active for one token, in routed experts, in the vision tower and in multi-token layers."""
    model = shape.profile
    if shape.architecture.encoder:
        return Parameters(total=_encoder(shape))
    experts, layers, hidden = model.experts, model.layers, model.hidden_size
    routed_layers = layers - experts.dense_layers if experts else 0
    routed = routed_layers * experts.count * _expert(shape) if experts else 0
    norms = 2 * hidden * layers
    embedding = model.vocabulary_size * hidden
    body = _attentions(shape) + (layers - routed_layers) * _dense(shape) + routed_layers * _router_and_shared_experts(shape)
    vision = _vision(shape)
    total = embedding * (1 if model.tied_embeddings else 2) + norms + body + routed + vision
    return Parameters(
        total=total,
        active=total - embedding - norms - vision - routed + routed * experts.active // experts.count if experts else 0,
        routed_experts=routed,
        vision=vision,
        multi_token=shape.multi_token_layers * _multi_token(shape),
    )


def _attentions(shape: ArchitectureShape) -> int:
    full = shape.profile.layers if shape.profile.key_value_layers is None else shape.profile.key_value_layers
    return full * _attention(shape) + (shape.profile.layers - full) * _linear_attention(shape)


def _attention(shape: ArchitectureShape) -> int:
    model = shape.profile
    hidden, heads, shared, size = model.hidden_size, model.attention_heads, model.key_value_heads, model.head_dim
    if model.latent_attention is not None:
        return _latent_attention(model) + _indexer(model)
    queries = 2 * heads if shape.architecture.output_gate else heads
    bias = (heads + 2 * shared) * size if shape.biased else 0
    return hidden * (queries + 2 * shared + heads) * size + bias


def _latent_attention(model: ModelProfileSpec) -> int:
    latent, hidden, heads = model.latent_attention, model.hidden_size, model.attention_heads
    if latent is None:
        return 0
    query, rank = latent.nope_head_dim + latent.rope_head_dim, latent.query_lora_rank
    queries = (hidden + heads * query) * rank if rank else hidden * heads * query
    keys = hidden * (latent.key_value_lora_rank + latent.rope_head_dim)
    expanded = latent.key_value_lora_rank * heads * (latent.nope_head_dim + latent.value_head_dim)
    return queries + keys + expanded + heads * latent.value_head_dim * hidden


def _indexer(model: ModelProfileSpec) -> int:
    indexer, latent = model.sparse_indexer, model.latent_attention
    if indexer is None or latent is None:
        return 0
    queries = indexer.heads * indexer.head_dim * latent.query_lora_rank
    return queries + model.hidden_size * (indexer.head_dim + indexer.heads)


def _linear_attention(shape: ArchitectureShape) -> int:
    linear, hidden = shape.linear, shape.profile.hidden_size
    if linear is None:
        return 0
    values = linear.value_heads * linear.value_dim
    projections = hidden * (linear.channels + values + 2 * linear.value_heads)
    return projections + linear.channels * linear.kernel + values * hidden


def _dense(shape: ArchitectureShape) -> int:
    return GATED * shape.profile.hidden_size * shape.profile.intermediate_size


def _expert(shape: ArchitectureShape) -> int:
    experts = shape.profile.experts
    return GATED * shape.profile.hidden_size * experts.intermediate_size if experts else 0


def _router_and_shared_experts(shape: ArchitectureShape) -> int:
    """Parameters of a layer's router and shared experts."""
    experts = shape.profile.experts
    if experts is None:
        return 0
    gate = shape.profile.hidden_size if shape.architecture.shared_gate else 0
    return shape.profile.hidden_size * experts.count + experts.shared * _expert(shape) + gate


def _multi_token(shape: ArchitectureShape) -> int:
    """One layer that predicts further tokens: the form of the last layer, and a projection of two inputs into one."""
    model = shape.profile
    feed_forward = _dense(shape)
    if model.experts is not None:
        feed_forward = model.experts.count * _expert(shape) + _router_and_shared_experts(shape)
    return _attention(shape) + feed_forward + 2 * model.hidden_size**2


def _vision(shape: ArchitectureShape) -> int:
    """The tower's layers, and the projections of merged patches into the language model."""
    vision = shape.vision
    if vision is None:
        return 0
    hidden, matrices = vision.hidden_size, GATED if shape.architecture.vision_gated else PLAIN
    layer = 4 * hidden**2 + matrices * hidden * vision.intermediate_size
    merged = hidden * vision.merged**2
    projection = merged**2 + merged * shape.profile.hidden_size
    return vision.layers * layer + vision.projections * projection


def _encoder(shape: ArchitectureShape) -> int:
    """An encoder in the manner of BERT: biases and norms everywhere, learned positions, and a pooler."""
    model = shape.profile
    hidden, wide = model.hidden_size, model.intermediate_size
    rows = model.vocabulary_size + model.max_position_embeddings + shape.token_types
    layer = 4 * (hidden**2 + hidden) + 2 * hidden * wide + wide + hidden + 4 * hidden
    return rows * hidden + 2 * hidden + model.layers * layer + hidden**2 + hidden
