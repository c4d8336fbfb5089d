"""Numbers of parameters from the dimensions of a model: closed forms, exact to the parameter. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from modelmatrix.api.profiles import ModelProfileSpec, Parameters
from modelmatrix.catalogue.models import Architecture

GATED, PLAIN = 3, 2  # matrices of a feed-forward


@dataclass(frozen=True, slots=True)
class LinearAttention:
    """Gated delta net: a recurrent layer with heads of its own for keys and values."""

    key_heads: int
    value_heads: int
    key_dim: int
    value_dim: int
    kernel: int

    @property
    def channels(self) -> int:
        """Width of what the convolution sees: query, key and value."""
        return 2 * self.key_heads * self.key_dim + self.value_heads * self.value_dim

    @property
    def state_bytes(self) -> int:
        """State of a sequence in one layer: the memory in 32 bit, the convolution's past in 16 bit."""
        return self.value_heads * self.key_dim * self.value_dim * 4 + self.channels * (self.kernel - 1) * 2


@dataclass(frozen=True, slots=True)
class Vision:
    """Vision tower and the projections into the language model."""

    layers: int
    hidden_size: int
    intermediate_size: int
    merged: int
    projections: int


@dataclass(frozen=True, slots=True)
class ArchitectureShape:
    """A model as built: its dimensions, and the parts that a profile does not describe."""

    profile: ModelProfileSpec
    architecture: Architecture
    biased: bool = False
    linear: LinearAttention | None = None
    vision: Vision | None = None
    multi_token_layers: int = 0
    token_types: int = 0


def parameters_of(build: ArchitectureShape) -> Parameters:
    """All numbers of a model."""
    model = build.profile
    if build.architecture.encoder:
        return Parameters(total=_encoder(build))
    experts, layers, hidden = model.experts, model.layers, model.hidden_size
    routed_layers = layers - experts.dense_layers if experts else 0
    routed = routed_layers * experts.count * _expert(build) if experts else 0
    norms = 2 * hidden * layers
    embedding = model.vocabulary_size * hidden
    body = _attentions(build) + (layers - routed_layers) * _dense(build) + routed_layers * _around_experts(build)
    vision = _vision(build)
    total = embedding * (1 if model.tied_embeddings else 2) + norms + body + routed + vision
    return Parameters(
        total=total,
        active=total - embedding - norms - vision - routed + routed * experts.active // experts.count if experts else 0,
        routed_experts=routed,
        vision=vision,
        multi_token=build.multi_token_layers * _multi_token(build),
    )


def _attentions(build: ArchitectureShape) -> int:
    full = build.profile.layers if build.profile.key_value_layers is None else build.profile.key_value_layers
    return full * _attention(build) + (build.profile.layers - full) * _linear_attention(build)


def _attention(build: ArchitectureShape) -> int:
    model = build.profile
    hidden, heads, shared, size = model.hidden_size, model.attention_heads, model.key_value_heads, model.head_dim
    if model.latent_attention is not None:
        return _latent_attention(model) + _indexer(model)
    queries = 2 * heads if build.architecture.output_gate else heads
    bias = (heads + 2 * shared) * size if build.biased else 0
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


def _linear_attention(build: ArchitectureShape) -> int:
    linear, hidden = build.linear, build.profile.hidden_size
    if linear is None:
        return 0
    values = linear.value_heads * linear.value_dim
    projections = hidden * (linear.channels + values + 2 * linear.value_heads)
    return projections + linear.channels * linear.kernel + values * hidden


def _dense(build: ArchitectureShape) -> int:
    return GATED * build.profile.hidden_size * build.profile.intermediate_size


def _expert(build: ArchitectureShape) -> int:
    experts = build.profile.experts
    return GATED * build.profile.hidden_size * experts.intermediate_size if experts else 0


def _around_experts(build: ArchitectureShape) -> int:
    """Router and shared experts of a layer."""
    experts = build.profile.experts
    if experts is None:
        return 0
    gate = build.profile.hidden_size if build.architecture.shared_gate else 0
    return build.profile.hidden_size * experts.count + experts.shared * _expert(build) + gate


def _multi_token(build: ArchitectureShape) -> int:
    """One layer that guesses further tokens: a layer as the last one, and the projection of two inputs into one."""
    model = build.profile
    feed_forward = _dense(build)
    if model.experts is not None:
        feed_forward = model.experts.count * _expert(build) + _around_experts(build)
    return _attention(build) + feed_forward + 2 * model.hidden_size**2


def _vision(build: ArchitectureShape) -> int:
    """Layers of the tower, and the projections of merged patches into the language model."""
    vision = build.vision
    if vision is None:
        return 0
    hidden, matrices = vision.hidden_size, GATED if build.architecture.vision_gated else PLAIN
    layer = 4 * hidden**2 + matrices * hidden * vision.intermediate_size
    merged = hidden * vision.merged**2
    projection = merged**2 + merged * build.profile.hidden_size
    return vision.layers * layer + vision.projections * projection


def _encoder(build: ArchitectureShape) -> int:
    """An encoder in the manner of BERT: biases and norms everywhere, positions that are learned, and a pooler."""
    model = build.profile
    hidden, wide = model.hidden_size, model.intermediate_size
    rows = model.vocabulary_size + model.max_position_embeddings + build.token_types
    layer = 4 * (hidden**2 + hidden) + 2 * hidden * wide + wide + hidden + 4 * hidden
    return rows * hidden + 2 * hidden + model.layers * layer + hidden**2 + hidden
