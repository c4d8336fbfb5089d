"""How fast a replica can be at best, against measured engines and against what cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.api.model_deployment import Parallelism, Quantization, ServiceLevelObjective
from modelmatrix.api.profiles import EngineProfileSpec
from modelmatrix.catalogue.loader import builtin
from modelmatrix.planning.feasibility.device_memory import GIB, ModelFootprint, total_weight_bytes
from modelmatrix.planning.feasibility.step_latency import (
    StepLatency,
    TightestSlo,
    bytes_read_per_token,
    step_latency,
    tightest_bound,
)

CATALOGUE = builtin()


def load(model: str, quantization: str) -> ModelFootprint:
    known = CATALOGUE.model(model)
    assert known is not None
    return ModelFootprint(known.facts, CATALOGUE.compatibility.formats[Quantization(quantization)], 4096)


def pace_of(model: str, quantization: str, chip: str, **cut: int) -> StepLatency:
    accelerator = CATALOGUE.accelerators[chip]
    engine = CATALOGUE.engines_for(accelerator.vendor)[0]
    found = step_latency(load(model, quantization), Parallelism(**cut), accelerator, engine)
    assert found is not None
    return found


# Fixed part of a step as fitted to measured points (ai-dynamo/aiconfigurator silicon_sample.csv; the 910B row is that of
# vllm-ascend's Qwen3-32B tutorial). A fit is no single idle step, so the floor is below it and the estimate near it.
MEASURED = [
    ("Qwen3-32B", "BF16", "h100-80g", 2, 0.0128),
    ("Qwen3-32B", "BF16", "h100-80g", 4, 0.00835),
    ("Llama-3.1-70B", "FP8", "h100-80g", 2, 0.0175),
    ("Llama-3.1-70B", "FP8", "h100-80g", 4, 0.0109),
    ("Qwen3-32B", "BF16", "910b-64g", 4, 0.0543),
]


@pytest.mark.parametrize(("model", "quantization", "chip", "tensor", "measured"), MEASURED)
def test_the_floor_is_below_every_measured_step(model: str, quantization: str, chip: str, tensor: int, measured: float) -> None:
    found = pace_of(model, quantization, chip, tensor=tensor)
    assert found.floor_seconds < measured
    assert found.floor_seconds < found.estimate_seconds < 1.3 * measured


def test_a_token_of_a_mixture_reads_its_own_experts_only() -> None:
    whole = total_weight_bytes(load("DeepSeek-R1", "FP8"))
    read = bytes_read_per_token(load("DeepSeek-R1", "FP8"), Parallelism())
    assert read < 0.07 * whole
    assert read / GIB == pytest.approx(37, rel=0.15), "37 billion active parameters of a byte"


def test_a_dense_model_is_read_whole_but_for_its_embedding() -> None:
    dense = load("Qwen3-32B", "BF16")
    embedding = dense.model.vocabulary_size * dense.model.hidden_size * 2
    assert bytes_read_per_token(dense, Parallelism()) == pytest.approx(total_weight_bytes(dense) - embedding)


def test_stages_shorten_nothing_and_tensor_ranks_do() -> None:
    one = pace_of("Qwen3-32B", "BF16", "h20-96g", tensor=1)
    assert pace_of("Qwen3-32B", "BF16", "h20-96g", tensor=1, pipeline=4) == one
    assert pace_of("Qwen3-32B", "BF16", "h20-96g", tensor=4).floor_seconds == pytest.approx(one.floor_seconds / 4)


@given(
    st.sampled_from(CATALOGUE.models),
    st.sampled_from(sorted(CATALOGUE.compatibility.formats)),
    st.builds(Parallelism, tensor=st.integers(1, 64), data=st.integers(1, 16)),
)
def test_no_device_reads_more_than_all_weights(model: object, name: str, cut: Parallelism) -> None:
    one = ModelFootprint(model, CATALOGUE.compatibility.formats[Quantization(name)], 1)  # type: ignore[arg-type]
    assert 0 < bytes_read_per_token(one, cut) <= total_weight_bytes(one) * (1 + 1e-9)


def test_a_chip_without_a_published_bandwidth_is_not_judged() -> None:
    chip = CATALOGUE.accelerators["rtx-pro-6000"]
    assert chip.bandwidth_gigabytes_per_second == 0
    assert step_latency(load("Qwen3-32B", "BF16"), Parallelism(), chip, CATALOGUE.engines["vLLM"]) is None


def test_a_banks_own_engine_is_not_judged_because_it_may_guess_tokens() -> None:
    images = [{"accelerator": "hopper", "image": "registry.bank.local/vllm:1"}]
    own = CATALOGUE.extended({}, {"bank": EngineProfileSpec.model_validate({"base": "vLLM", "images": images})})
    assert step_latency(load("Qwen3-32B", "BF16"), Parallelism(), own.accelerators["h20-96g"], own.engines["bank"]) is None


@pytest.mark.parametrize(
    ("slo", "bound"),
    [
        ({"ttftMilliseconds": 1500, "tpotMilliseconds": 60}, TightestSlo("tpotMilliseconds", 60)),
        ({"ttftMilliseconds": 20, "tpotMilliseconds": 60}, TightestSlo("ttftMilliseconds", 20)),
        ({"e2eMilliseconds": 200}, TightestSlo("e2eMilliseconds", 200)),
    ],
)
def test_the_tightest_bound_counts(slo: dict[str, int], bound: TightestSlo) -> None:
    assert tightest_bound(ServiceLevelObjective.model_validate(slo)) == bound


def test_without_an_slo_there_is_no_bound() -> None:
    assert tightest_bound(None) is None
