"""Memory of one device: every part is cut where it may be cut, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.api.model_deployment import Parallelism, Quantization
from modelmatrix.api.profiles import EngineProfileSpec
from modelmatrix.catalogue.loader import builtin
from modelmatrix.catalogue.models import Model
from modelmatrix.catalogue.quantization import Format
from modelmatrix.planning.feasibility.device_memory import (
    GIB,
    ModelFootprint,
    kv_cache_bytes,
    memory_need,
    total_weight_bytes,
    weight_bytes,
)

CATALOGUE = builtin()
CHIP, ENGINE = CATALOGUE.accelerators["910b-64g"], CATALOGUE.engines["vLLM-Ascend"]
models = st.sampled_from(CATALOGUE.models)
formats = st.sampled_from(sorted(CATALOGUE.compatibility.formats)).map(lambda name: CATALOGUE.compatibility.formats[name])
cuts = st.builds(Parallelism, tensor=st.integers(1, 64), pipeline=st.integers(1, 8), data=st.integers(1, 16))


def facts(name: str) -> Model:
    known = CATALOGUE.model(name)
    assert known is not None
    return known.facts


def load(name: str, quantization: Quantization = Quantization.BF16, max_model_len: int = 4096) -> ModelFootprint:
    return ModelFootprint(facts(name), CATALOGUE.compatibility.formats[quantization], max_model_len)


@given(models, formats, cuts)
def test_a_device_never_holds_more_than_the_whole_and_all_together_never_less(
    model: Model, form: Format, cut: Parallelism
) -> None:
    load = ModelFootprint(model, form, 1)
    devices = cut.tensor * cut.pipeline * cut.data
    assert weight_bytes(load, cut) <= total_weight_bytes(load) * (1 + 1e-9)
    assert weight_bytes(load, cut) * devices >= total_weight_bytes(load) * (1 - 1e-9)


@given(models, st.integers(0, 10**6), cuts)
def test_the_cache_grows_with_tokens_and_never_shrinks_below_a_head(model: Model, tokens: int, cut: Parallelism) -> None:
    assert kv_cache_bytes(model, tokens + 1, cut) >= kv_cache_bytes(model, tokens, cut) >= 0
    more = Parallelism(tensor=cut.tensor * 2, pipeline=cut.pipeline)
    assert kv_cache_bytes(model, tokens, more) <= kv_cache_bytes(model, tokens, cut)


@given(models, formats, cuts, st.integers(1, 10**6))
def test_the_parts_add_up_and_fit_means_below_the_budget(model: Model, form: Format, cut: Parallelism, tokens: int) -> None:
    need = memory_need(ModelFootprint(model, form, tokens), cut, CHIP, ENGINE)
    parts = (need.weights_gibibytes, need.kv_cache_gibibytes, need.overhead_gibibytes)
    assert min(parts) >= 0
    assert need.needed_gibibytes == sum(parts)
    assert need.fits == (sum(parts) <= need.budget_gibibytes)
    assert need.budget_gibibytes == need.usable_gibibytes * ENGINE.memory.utilization < need.usable_gibibytes


def test_experts_are_cut_over_data_ranks_too_and_the_rest_is_not() -> None:
    model = facts("DeepSeek-R1")
    eight_bit = load("DeepSeek-R1", Quantization.FP8)
    narrow = weight_bytes(eight_bit, Parallelism(tensor=8)) - weight_bytes(eight_bit, Parallelism(tensor=8, data=2))
    assert narrow == pytest.approx(model.parameters.routed_experts * eight_bit.format.experts / 16)


def test_latent_projections_are_on_every_tensor_rank() -> None:
    latent = facts("DeepSeek-R1").latent_attention
    assert latent is not None
    sixteen_bit = load("DeepSeek-R1")
    replicated = 61 * 7168 * (1536 + 512 + 64) * 2
    many = weight_bytes(sixteen_bit, Parallelism(tensor=1024))
    assert replicated < many < replicated + total_weight_bytes(sixteen_bit) / 1000


def test_the_vision_tower_is_on_every_rank_at_sixteen_bit() -> None:
    vision = facts("Qwen2.5-VL-72B-Instruct").parameters.vision
    form = Format(experts=0, linear=0, source="nothing but what stays 16 bit")
    wanted = (vision + 152064 * 8192 * 2 / 4) * 2
    assert weight_bytes(ModelFootprint(facts("Qwen2.5-VL-72B-Instruct"), form, 1), Parallelism(tensor=4)) == pytest.approx(
        wanted, rel=0.01
    )


def test_embeddings_are_not_cut_over_stages() -> None:
    form = Format(experts=0, linear=0, source="nothing but what stays 16 bit")
    stages = weight_bytes(ModelFootprint(facts("Qwen3-32B"), form, 1), Parallelism(pipeline=8))
    assert stages == 151936 * 5120 * 2 * 2


def test_tied_embeddings_count_once() -> None:
    form = Format(experts=0, linear=0, source="nothing but what stays 16 bit")
    assert weight_bytes(ModelFootprint(facts("Qwen2.5-0.5B"), form, 1), Parallelism()) == 151936 * 896 * 2


def test_latent_caches_are_on_every_tensor_rank() -> None:
    model = facts("DeepSeek-R1")
    assert kv_cache_bytes(model, 1000, Parallelism(tensor=16)) == kv_cache_bytes(model, 1000, Parallelism())
    assert kv_cache_bytes(model, 1000, Parallelism(pipeline=2)) == kv_cache_bytes(model, 1000, Parallelism()) / 2


def test_data_ranks_do_not_divide_a_cache() -> None:
    model = facts("Qwen3-235B-A22B")
    assert kv_cache_bytes(model, 1000, Parallelism(data=8)) == kv_cache_bytes(model, 1000, Parallelism())


@pytest.mark.parametrize(
    ("name", "cut", "overhead"),
    [("Qwen3-32B", 1, 1.0), ("Qwen3-32B", 2, 1.5), ("DeepSeek-R1", 16, 2.5)],
)
def test_overheads_are_those_of_the_engine(name: str, cut: int, overhead: float) -> None:
    need = memory_need(load(name), Parallelism(tensor=cut), CHIP, ENGINE)
    assert need.overhead_gibibytes == overhead


def test_a_published_shard() -> None:
    """DeepSeek-V3 FP8 on 8 x H200: 626.9 GiB of weights make 78.4 GiB a device without what is replicated."""
    shard = weight_bytes(load("DeepSeek-V3", Quantization.FP8), Parallelism(tensor=8)) / GIB
    assert 626.9 / 8 < shard < 626.9 / 8 + 1


@pytest.mark.parametrize(
    ("name", "sixteen", "eight"),
    [
        ("Qwen3-32B", 262_144, 131_072),
        ("DeepSeek-R1", 70_272, 61 * 656),  # fp8_ds_mla of vLLM: 512 entries of a byte, 4 scales, 64 positions at 16 bit
    ],
)
def test_a_cache_of_eight_bits_is_about_half_as_large(name: str, sixteen: int, eight: int) -> None:
    assert kv_cache_bytes(facts(name), 1, Parallelism()) == sixteen
    assert kv_cache_bytes(facts(name), 1, Parallelism(), bits=8) == eight


def test_a_banks_engine_may_keep_a_smaller_cache() -> None:
    images = [{"accelerator": "ascend-910b", "image": "registry.bank.local/vllm-ascend:1"}]
    spec = {"base": "vLLM-Ascend", "images": images, "keyValueBits": 8}
    own = CATALOGUE.extended({}, {"bank": EngineProfileSpec.model_validate(spec)}).engines["bank"]
    long = load("Qwen3-32B", max_model_len=32768)
    usual, small = (memory_need(long, Parallelism(tensor=2), CHIP, engine) for engine in (ENGINE, own))
    assert small.kv_cache_gibibytes == usual.kv_cache_gibibytes / 2
    assert small.weights_gibibytes == usual.weights_gibibytes
