"""Models, engines and chips by the names that users write, and a bank's own ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.api.profiles import EngineProfileSpec, ModelProfileSpec
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.catalogue.loader import builtin

EVERY_NAME = sorted({name for model in builtin().models for name in (model.id, *model.aliases)})
SUFFIXES = ("-FP8", "-W8A8", "-w8a8sc", "-AWQ", "-GPTQ-Int4", "-Instruct-W4A8", "-NVFP4", "-GGUF", "-W8A8-MTP", "-BF16")


def name_of(text: str, catalogue: Catalogue | None = None) -> str | None:
    known = (catalogue or builtin()).model(text)
    return known.name if known else None


@pytest.mark.parametrize("name", EVERY_NAME)
def test_every_id_and_alias_is_found_with_or_without_organisation_in_any_case(name: str) -> None:
    short = name.rpartition("/")[2]
    for text in (name, short, name.lower(), short.upper(), f"  {short} ", f"another-organisation/{short}"):
        assert name_of(text) == name, text


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_repositories_of_quantized_weights_have_the_architecture_of_their_base(suffix: str) -> None:
    for base in ("Qwen3-32B", "Qwen/Qwen3-8B", "deepseek-r1", "Qwen2.5-72B-Instruct"):
        known = builtin().model(base + suffix)
        assert known is not None, base + suffix
        plain = builtin().model(base)
        assert plain is not None
        assert known.facts is plain.facts


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("DeepSeek-R1", "deepseek-ai/DeepSeek-R1"),
        ("vllm-ascend/DeepSeek-R1-W8A8", "deepseek-ai/DeepSeek-R1"),
        ("bge-m3", "BAAI/bge-m3"),
        ("QwQ-32B", "Qwen/QwQ-32B"),
        ("Qwen3-32B-FP8", "Qwen/Qwen3-32B-FP8"),
        ("Qwen2.5-72B-Instruct", "Qwen/Qwen2.5-72B-Instruct"),
    ],
)
def test_names_that_banks_write(text: str, name: str) -> None:
    assert name_of(text) == name


@pytest.mark.parametrize("text", ["", "GPT-7", "Qwen3-33B", "Qwen", "Qwen/", "-fp8", "Qwen3-32B-FP9", "Qwen3"])
def test_what_is_not_known_is_nothing(text: str) -> None:
    assert builtin().model(text) is None


@given(st.text())
def test_lookups_are_total(text: str) -> None:
    builtin().model(text)
    builtin().engine(text)
    builtin().accelerator(text)


@pytest.mark.parametrize("text", ["vLLM", "vllm", "VLLM-ascend", "sglang", "mindie", "TEI", "Llama.CPP"])
def test_engines_are_found_in_any_case(text: str) -> None:
    engine = builtin().engine(text)
    assert engine is not None
    assert engine.name.lower() == text.lower()


def profile(**fields: object) -> ModelProfileSpec:
    own: dict[str, object] = {
        "architecture": "Qwen3ForCausalLM",
        "layers": 2,
        "hiddenSize": 64,
        "attentionHeads": 4,
        "keyValueHeads": 2,
        "headDim": 16,
        "vocabularySize": 1000,
        "parameters": {"total": 1_000_000},
        "maxPositionEmbeddings": 4096,
        "defaultMaxModelLen": 2048,
        "nativeQuantization": "BF16",
    }
    return ModelProfileSpec.model_validate(own | fields)


def engine_profile(**fields: object) -> EngineProfileSpec:
    own = {"base": "vLLM-Ascend", "images": [{"accelerator": "ascend-910b", "image": "registry.bank.local/vllm-ascend:1"}]}
    return EngineProfileSpec.model_validate(own | fields)


def test_a_banks_own_model_is_found_by_name_and_alias_and_wins() -> None:
    own = builtin().extended({"wenxin-7b": profile(aliases=["Bank/WenXin"]), "qwen3-32b": profile()}, {})
    assert name_of("WENXIN-7B-W8A8", own) == "wenxin-7b"
    assert name_of("wenxin", own) == "Bank/WenXin"
    known = own.model("Qwen3-32B")
    assert known is not None
    assert known.facts.layers == 2
    assert name_of("wenxin-7b") is None, "the built-in catalogue must not change"


def test_a_banks_own_engine_behaves_like_its_base() -> None:
    own = builtin().extended({}, {"bank-vllm": engine_profile(arguments=["--json={'a': 1}"], supportsArchitectures=["New"])})
    engine, base, chip = own.engine("Bank-vLLM"), own.engines["vLLM-Ascend"], own.accelerators["910b-64g"]
    assert engine is not None
    assert (engine.kind, engine.built_in, base.built_in) == ("vLLM-Ascend", False, True)
    assert engine.image_for(chip) == "registry.bank.local/vllm-ascend:1"
    assert engine.image_for(own.accelerators["a3-die-64g"]) is None
    assert engine.architectures.lists("New", "ascend-910b")
    assert engine.architectures.lists("New", "ascend-310p")
    assert engine.architectures.lists("Qwen3ForCausalLM", "ascend-910b")
    assert engine.arguments[-1].args[0].format() == "--json={'a': 1}", "braces of a profile are no variables"
    assert engine.arguments[:-1] == base.arguments


def test_an_image_for_the_chip_wins_over_one_for_its_family() -> None:
    images = [{"accelerator": "ascend-910b", "image": "family"}, {"accelerator": "910b-32g", "image": "chip"}]
    own = builtin().extended({}, {"bank": engine_profile(images=images)})
    assert own.engines["bank"].image_for(own.accelerators["910b-32g"]) == "chip"
    assert own.engines["bank"].image_for(own.accelerators["910b-64g"]) == "family"


def test_an_engine_profile_without_a_known_base_is_no_engine() -> None:
    assert builtin().extended({}, {"bank": engine_profile(base="Ollama")}).engine("bank") is None


def test_a_profile_with_the_name_of_a_built_in_engine_replaces_it() -> None:
    own = builtin().extended({}, {"vllm-ascend": engine_profile()})
    engine = own.engine("vLLM-Ascend")
    assert engine is not None
    assert engine.base == "vLLM-Ascend"


def test_profiles_in_any_order_make_the_same_catalogue() -> None:
    first = builtin().extended({"a": profile(aliases=["x"]), "b": profile(aliases=["x"])}, {})
    second = builtin().extended({"b": profile(aliases=["x"]), "a": profile(aliases=["x"])}, {})
    one, other = first.model("x"), second.model("x")
    assert one is not None
    assert one == other
    assert one.facts.id == "b"
