"""config.json files into profiles: public files give the built-in models, parameter for parameter."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.api.model_deployment import Quantization
from modelmatrix.api.profiles import ModelProfileSpec, Task
from modelmatrix.catalogue.huggingface.config import ConfigError, profile_of
from modelmatrix.catalogue.loader import architecture_rules, builtin

FILE = Path(__file__).parents[3] / "reference" / "configs.yaml"
ROWS = yaml.safe_load(FILE.read_text(encoding="utf-8"))
# What a file cannot know: that a model for text is used for embeddings, and in which formats others publish it.
BEYOND = {"Qwen/Qwen3-Embedding-8B": {"task": Task.EMBED, "fp8_block_size": 0}}

Config = dict[str, Any]


def config(name: str, **changes: Any) -> Config:
    found: Config = next(row["config"] for row in ROWS if row["model"] == name)
    return {key: value for key, value in (found | changes).items() if value is not None}


def comparable(profile: ModelProfileSpec) -> Config:
    return profile.model_dump(exclude={"aliases", "sources", "id", "notes"})


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["model"])
def test_a_public_config_gives_the_built_in_model(row: Config) -> None:
    known = builtin().model(row["model"])
    assert known is not None
    assert comparable(profile_of(row["config"])) | BEYOND.get(row["model"], {}) == comparable(known.facts)


def test_the_public_configs_have_their_source_in_the_catalogue() -> None:
    for row in ROWS:
        known = builtin().model(row["model"])
        assert known is not None
        assert any(source.startswith(row["source"]) for source in known.facts.sources)


BERT = {
    "architectures": ["XLMRobertaModel"],
    "num_hidden_layers": 24,
    "hidden_size": 1024,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "vocab_size": 250002,
    "type_vocab_size": 1,
    "max_position_embeddings": 8194,
    "torch_dtype": "float32",
}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "bge-m3"),
        ({"architectures": ["XLMRobertaForSequenceClassification"]}, "bge-reranker-v2-m3"),
        ({"max_position_embeddings": 514}, "multilingual-e5-large"),
        (
            {"architectures": ["BertModel"], "vocab_size": 21128, "max_position_embeddings": 512, "type_vocab_size": 2},
            "bge-large-zh-v1.5",
        ),
    ],
)
def test_encoders_are_counted_with_positions_and_pooler(changes: Config, name: str) -> None:
    known = builtin().model(name)
    assert known is not None
    found = profile_of(BERT | changes)
    assert found.parameters.total == known.facts.parameters.total
    assert found.task is known.facts.task
    assert (found.key_value_layers, found.tied_embeddings, found.native_quantization) == (0, True, Quantization.FP16)


def test_every_architecture_of_the_rules_is_tested() -> None:
    tested = {row["config"]["architectures"][0] for row in ROWS} | {"XLMRobertaModel", "XLMRobertaForSequenceClassification"}
    # Their config.json is not public here; they are read like the others, and by the names that their files use.
    unseen = {"BertModel", "MistralForCausalLM", "ChatGLMModel", "Glm4MoeForCausalLM"}
    assert set(architecture_rules().architectures) == tested | unseen


def test_older_names_of_fields_are_read() -> None:
    found = profile_of(
        {
            "architectures": ["ChatGLMModel"],
            "num_layers": 28,
            "hidden_size": 4096,
            "num_attention_heads": 32,
            "multi_query_group_num": 2,
            "kv_channels": 128,
            "ffn_hidden_size": 13696,
            "padded_vocab_size": 65024,
            "seq_length": 8192,
            "add_qkv_bias": True,
            "torch_dtype": "float16",
        }
    )
    assert (found.key_value_heads, found.max_position_embeddings, found.default_max_model_len) == (2, 8192, 8192)
    assert found.parameters.total == pytest.approx(6_243_584_000, rel=1e-6), "THUDM/chatglm3-6b"


def test_a_moe_of_glm_is_counted_with_its_layer_for_guesses() -> None:
    known = builtin().model("GLM-4.5")
    assert known is not None
    facts = known.facts
    assert facts.experts is not None
    found = profile_of(
        {
            "architectures": ["Glm4MoeForCausalLM"],
            "num_hidden_layers": facts.layers,
            "hidden_size": facts.hidden_size,
            "num_attention_heads": facts.attention_heads,
            "num_key_value_heads": facts.key_value_heads,
            "head_dim": facts.head_dim,
            "intermediate_size": facts.intermediate_size,
            "vocab_size": facts.vocabulary_size,
            "max_position_embeddings": facts.max_position_embeddings,
            "n_routed_experts": facts.experts.count,
            "num_experts_per_tok": facts.experts.active,
            "n_shared_experts": facts.experts.shared,
            "moe_intermediate_size": facts.experts.intermediate_size,
            "first_k_dense_replace": facts.experts.dense_layers,
            "num_nextn_predict_layers": 1,
            "attention_bias": True,
            "torch_dtype": "bfloat16",
        }
    )
    assert found.parameters == facts.parameters


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "has no architectures"),
        ({"architectures": []}, "has no architectures"),
        ({"architectures": "Qwen3ForCausalLM"}, "has no architectures"),
        (
            {"architectures": ["GPT7ForCausalLM"]},
            "architecture GPT7ForCausalLM is not known; known are BertModel, ChatGLMModel",
        ),
        ({"architectures": ["Qwen3ForCausalLM"]}, "has no num_attention_heads or n_head: is it that of the whole model?"),
        (config("Qwen/Qwen3-32B", num_hidden_layers=None), "has no num_hidden_layers or num_layers"),
        (config("Qwen/Qwen3-32B", quantization_config={"quant_method": "magic"}), "a format that is not known"),
    ],
)
def test_what_is_no_known_model_is_refused_in_words(content: Config, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        profile_of(content)


def compressed(bits: int, kind: str = "int", group: int = 128, activations: object = None) -> Config:
    weights = {"num_bits": bits, "type": kind, "group_size": group}
    return {
        "quant_method": "compressed-tensors",
        "config_groups": {"g": {"weights": weights, "input_activations": activations}},
    }


@pytest.mark.parametrize(
    ("quantization", "found"),
    [
        (None, "BF16"),
        ({"quant_method": "fp8"}, "FP8"),
        ({"quant_method": "awq"}, "AWQ"),
        ({"quant_method": "gptq"}, "GPTQ"),
        ({"quant_method": "mxfp4"}, "MXFP4"),
        (compressed(8, activations={"num_bits": 8}), "W8A8"),
        (compressed(8), "W8A16"),
        (compressed(8, "float", activations={}), "FP8"),
        (compressed(4), "W4A16"),
        (compressed(4, group=32), "INT4"),
        (compressed(4, activations={}), "W4A8"),
        (compressed(4, "float", activations={}), "NVFP4"),
    ],
)
def test_the_format_of_the_files_is_read(quantization: Config | None, found: str) -> None:
    assert profile_of(config("Qwen/Qwen3-32B", quantization_config=quantization)).native_quantization == found


@pytest.mark.parametrize("quantization", [compressed(3), {"quant_method": "compressed-tensors"}, {"quant_method": None}])
def test_an_unknown_format_is_no_guess(quantization: Config) -> None:
    with pytest.raises(ConfigError):
        profile_of(config("Qwen/Qwen3-32B", quantization_config=quantization))


def test_a_task_may_be_given_and_names_are_kept() -> None:
    found = profile_of(config("Qwen/Qwen3-8B"), task=Task.EMBED, aliases=["Bank/Embed"], sources=["here"])
    assert (found.task, found.aliases, found.sources) == (Task.EMBED, ["Bank/Embed"], ["here"])


junk = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


FIELDS = sorted({key for row in ROWS for key in (*row["config"], *row["config"].get("vision_config", ()))})


@given(st.sampled_from(ROWS), st.dictionaries(st.sampled_from(FIELDS), junk, max_size=3), st.booleans())
def test_any_change_of_a_file_gives_a_profile_or_an_error_that_is_expected(
    row: Config,
    changes: Config,
    deep: bool,  # noqa: FBT001
) -> None:
    if deep and "vision_config" in row["config"]:
        changes = changes | {"vision_config": row["config"]["vision_config"] | changes}
    with contextlib.suppress(ValueError):  # ConfigError, and what pydantic says of a number out of bounds
        assert profile_of(row["config"] | changes).parameters.total >= 0
