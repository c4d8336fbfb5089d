"""Sizes from architectures alone, against what is published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from modelmatrix.api.model_deployment import Parallelism, Quantization
from modelmatrix.api.profiles import ModelProfileSpec
from modelmatrix.catalogue.loader import builtin
from modelmatrix.catalogue.models import Model
from modelmatrix.catalogue.quantization import Format
from modelmatrix.performance.roofline import kv_bytes_per_token
from modelmatrix.planning.feasibility.device_memory import GIB, ModelFootprint, kv_cache_bytes, total_weight_bytes

PUBLISHED = yaml.safe_load((Path(__file__).parents[2] / "reference" / "published_weights.yaml").read_text(encoding="utf-8"))
LARGEST_ERROR = 0.006
INDEXER_BYTES_OF_GLM_5 = 78 * (128 + 4)  # 8-bit keys of 128 and a scale, in every layer

Row = dict[str, Any]


def facts(name: str) -> Model:
    known = builtin().model(name)
    assert known is not None, name
    return known.facts


def file_bytes(row: Row) -> float:
    """What the files hold: the weights, and the multi-token-prediction layer if it is among them."""
    model = facts(row["model"])
    known = builtin().compatibility.formats[Quantization(row["format"])]
    given = row.get("bytes")
    form = Format(experts=given["experts"], linear=given["linear"], source="the row") if given else known
    extra = row.get("multiToken")
    further = model.parameters.multi_token * form.linear if extra else 0.0
    copies = 2 * model.vocabulary_size * model.hidden_size * 2 if extra == "duplicated" else 0
    return total_weight_bytes(ModelFootprint(model, form, 1)) + further + copies


@pytest.mark.parametrize("row", PUBLISHED["weights"], ids=lambda row: f"{row['model']} {row['format']}")
def test_weights_are_within_six_in_a_thousand_of_the_published_files(row: Row) -> None:
    assert file_bytes(row) / GIB == pytest.approx(row["gib"], rel=LARGEST_ERROR)


@pytest.mark.parametrize("name", PUBLISHED["kvBytesPerToken"])
def test_kv_cache_of_a_token(name: str) -> None:
    model, wanted = facts(name), PUBLISHED["kvBytesPerToken"][name]
    assert kv_cache_bytes(model, 1001, Parallelism()) - kv_cache_bytes(model, 1, Parallelism()) == 1000 * wanted
    assert kv_bytes_per_token(model) == wanted


def test_a_sparse_indexer_has_a_cache_of_its_own() -> None:
    per_token = kv_cache_bytes(facts("GLM-5"), 1, Parallelism())
    assert per_token == 89_856 + INDEXER_BYTES_OF_GLM_5


def test_a_sliding_window_ends_the_growth_of_its_layers() -> None:
    model = facts("gpt-oss-120b")
    assert kv_cache_bytes(model, 128, Parallelism()) == 128 * 73_728
    assert kv_cache_bytes(model, 129, Parallelism()) - kv_cache_bytes(model, 128, Parallelism()) == 36_864


def test_an_encoder_has_no_cache() -> None:
    assert kv_cache_bytes(facts("bge-m3"), 8192, Parallelism()) == 0


def test_a_hybrid_model_keeps_a_constant_state_beside_its_cache() -> None:
    model = facts("Qwen3.5-27B")
    assert kv_cache_bytes(model, 0, Parallelism()) == model.recurrent_state_bytes > 0


@pytest.mark.parametrize("model", builtin().models, ids=lambda model: model.id)
def test_parameters_agree_with_the_architecture(model: Model) -> None:
    hybrid = model.recurrent_state_bytes > 0  # its gated-delta-net layers have other dimensions than its attention
    assert closed_form(model) == pytest.approx(model.parameters.total, rel=0.1 if hybrid else 0.06)


def closed_form(model: ModelProfileSpec) -> float:
    """Parameters from the dimensions: attention, feed-forward or experts, embeddings, vision."""
    embeddings = model.vocabulary_size * model.hidden_size * (1 if model.tied_embeddings else 2)
    return embeddings + model.parameters.vision + model.layers * attention(model) + feed_forward(model)


def attention(model: ModelProfileSpec) -> float:
    hidden, heads, latent = model.hidden_size, model.attention_heads, model.latent_attention
    if latent is None:
        return hidden * model.head_dim * (2 * heads + 2 * model.key_value_heads)
    query_dim, ranks = latent.nope_head_dim + latent.rope_head_dim, latent.key_value_lora_rank
    low, direct = latent.query_lora_rank, heads * query_dim
    queries = hidden * low + low * direct if low else hidden * direct
    keys = hidden * (ranks + latent.rope_head_dim) + ranks * heads * (latent.nope_head_dim + latent.value_head_dim)
    return queries + keys + heads * latent.value_head_dim * hidden


def feed_forward(model: ModelProfileSpec) -> float:
    matrices = 2 if model.key_value_layers == 0 and model.task != "Generate" else 3  # encoders have no gate
    dense = matrices * model.hidden_size * model.intermediate_size
    experts = model.experts
    if experts is None:
        return model.layers * dense
    routed = model.layers - experts.dense_layers
    each = 3 * model.hidden_size * experts.intermediate_size
    return experts.dense_layers * dense + routed * (experts.count + experts.shared) * each


def test_routed_experts_agree_with_their_dimensions() -> None:
    for model in builtin().models:
        if model.experts is not None:
            layers = model.layers - model.experts.dense_layers
            counted = layers * model.experts.count * 3 * model.hidden_size * model.experts.intermediate_size
            assert counted == pytest.approx(model.parameters.routed_experts, rel=0.001), model.id
