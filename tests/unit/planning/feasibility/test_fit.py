"""Answers: one model on one pool's chips, with the words that users read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.api.model_deployment import Parallelism, PoolCandidate, Quantization, UnlistedPolicy
from modelmatrix.api.reasons import Reason
from modelmatrix.api.weights_source import Scheme
from modelmatrix.catalogue.loader import builtin
from modelmatrix.planning.feasibility.assess import FeasibilityCache
from modelmatrix.planning.feasibility.fit import FitRequest, FitResult, fit, parallelism_of
from modelmatrix.planning.feasibility.step_latency import TightestSlo
from modelmatrix.planning.feasibility.verdict import Verdict


def ask(**fields: Any) -> FitResult:
    """The verdict on a request."""
    return fit(builtin(), request_for(**fields))


def request_for(**fields: Any) -> FitRequest:
    """A request for Qwen3-32B W8A8 on one server of eight 910B, but for the fields given."""
    own: dict[str, Any] = {
        "model": "Qwen3-32B",
        "quantization": Quantization.W8A8,
        "scheme": Scheme.PVC,
        "engine": None,
        "parallelism": None,
        "max_model_len": None,
        "unlisted": UnlistedPolicy.REFUSE,
        "accelerator": "910b-64g",
        "devices_per_node": 8,
        "nodes": 1,
    }
    own |= fields
    catalogue = builtin()
    own["model"], own["accelerator"] = catalogue.model(own["model"]), catalogue.accelerator(own["accelerator"])
    return FitRequest(**own)


def test_what_fits_says_how() -> None:
    judged = ask()
    assert (judged.verdict, judged.reason, judged.engine) == (Verdict.FITS, Reason.PLACED, "vLLM-Ascend")
    assert judged.image == "quay.io/ascend/vllm-ascend:v0.23.0"
    assert judged.max_model_len == 32768
    assert judged.message.startswith(
        "TP1: 1 device on 1 node, 41.0 of 56.1 GiB a device (weights 32.0, KV cache 8.0, overhead 1.0)"
    )


def test_the_name_of_the_cut_leaves_out_what_is_one() -> None:
    pipelined = ask(model="DeepSeek-R1", nodes=2)
    assert pipelined.message.startswith("TP8 PP2: 16 devices on 2 nodes")
    spread = ask(model="DeepSeek-R1", nodes=2, parallelism=(8, 1, 2, 16))
    assert spread.message.startswith("TP8 DP2 EP16: 16 devices on 2 nodes")


def test_more_nodes_are_taken_for_memory_and_not_for_speed() -> None:
    bound = TightestSlo("tpotMilliseconds", 10)
    for chip, quantization, model in (("310p3-duo-48g", "W8A8", "deepseek-vl2"), ("310p3-duo-48g", "FP16", "gpt-oss-20b")):
        fields = {"accelerator": chip, "quantization": Quantization(quantization), "model": model, "bound": bound}
        few, many = (ask(**fields, unlisted=UnlistedPolicy.ALLOW, nodes=nodes) for nodes in (1, 16))
        assert few.layout is not None
        assert few == many


def test_a_context_above_the_models_own_is_pointed_out() -> None:
    assert "its config.json must scale RoPE" in ask(max_model_len=65536).message
    assert "RoPE" not in ask(max_model_len=40960).message


def test_what_lacks_memory_is_itemised_with_what_to_change() -> None:
    judged = ask(model="DeepSeek-R1", max_model_len=32768)
    assert (judged.verdict, judged.reason) == (Verdict.IMPOSSIBLE, Reason.MEMORY_INSUFFICIENT)
    for words in (
        "GiB short",
        "weights",
        "KV cache",
        "overhead",
        "Lower maxModelLen 32768",
        "a pool with more or larger devices",
    ):
        assert words in judged.message


def test_a_given_cut_is_taken_or_refused_but_never_changed() -> None:
    taken = ask(parallelism=(4, 1, 1, 1))
    assert taken.layout is not None
    assert taken.layout.parallelism == Parallelism(tensor=4)
    small = ask(parallelism=(1, 1, 1, 1), quantization=Quantization.BF16)
    assert small.reason is Reason.MEMORY_INSUFFICIENT
    assert ask(parallelism=(5, 1, 1, 1)).reason is Reason.PARALLELISM_ILLEGAL


def test_no_legal_cut_at_all_is_said_to_be_that() -> None:
    judged = ask(model="Qwen2.5-72B", quantization=Quantization.FP8, accelerator="l20-48g", devices_per_node=0)
    assert judged.reason is Reason.PARALLELISM_ILLEGAL
    assert "no legal layout of Qwen/Qwen2.5-72B on nodes of 0 devices" in judged.message


def test_a_start_takes_longer_for_more_weights() -> None:
    small, large = ask().start_seconds, ask(model="DeepSeek-R1", nodes=2).start_seconds
    assert 90 < small < 150
    assert 660 < large < 960, "published: 11 to 16 minutes for 650 to 820 GiB"


def test_equal_requests_are_judged_once() -> None:
    cache, request = FeasibilityCache(), request_for()
    assert cache.fit(builtin(), request) is cache.fit(builtin(), request_for())
    assert cache.fit(builtin(), request_for(model="Qwen3-8B")) is not cache.fit(builtin(), request)
    assert cache.fit(builtin(), request_for(accelerator="a3-die-64g")) is not cache.fit(builtin(), request)


def test_the_users_cut_is_a_value() -> None:
    assert parallelism_of(PoolCandidate(name="a")) is None
    assert parallelism_of(PoolCandidate(name="a", parallelism=Parallelism(tensor=8, data=2))) == (8, 1, 2, 1)


questions = st.fixed_dictionaries(
    {
        "model": st.sampled_from([model.id for model in builtin().models]),
        "quantization": st.sampled_from(Quantization),
        "scheme": st.sampled_from(Scheme),
        "engine": st.none() | st.sampled_from(sorted(builtin().engines)),
        "parallelism": st.none()
        | st.tuples(st.integers(1, 1024), st.integers(1, 64), st.integers(1, 1024), st.integers(1, 1024))
        | st.sampled_from([(8, 1, 1, 1), (4, 1, 2, 8), (8, 2, 1, 1)]),
        "max_model_len": st.none() | st.integers(1, 100_000_000),
        "unlisted": st.sampled_from(UnlistedPolicy),
        "accelerator": st.sampled_from(sorted(builtin().accelerators)),
        "devices_per_node": st.integers(1, 200),
        "nodes": st.integers(1, 40),
    }
)


@given(questions)
def test_every_answer_is_whole(question: dict[str, Any]) -> None:
    judged = ask(**question)
    assert judged.message
    assert (judged.verdict is Verdict.FITS) == (judged.layout is not None)
    if judged.layout is None:
        assert judged.reason is not Reason.PLACED
        assert judged.verdict in (Verdict.IMPOSSIBLE, Verdict.UNLISTED)
    else:
        assert judged.image
        assert judged.max_model_len > 0
        assert judged.layout.memory.fits


@given(questions)
def test_what_fits_has_a_performance(question: dict[str, Any]) -> None:
    judged = ask(**question)
    if judged.layout is None:
        return
    assert judged.performance is not None
    timing, limits = judged.performance
    assert timing.alpha_seconds > 0
    assert limits.max_num_seqs > 0
    assert limits.kv_tokens >= judged.max_model_len - 1, "what fits one request must be able to hold it"


@pytest.mark.parametrize(
    ("chip", "quantization", "faster"),
    [("a800-80g", Quantization.FP8, 1.0), ("a800-80g", Quantization.W8A8, 2.0), ("h100-80g", Quantization.FP8, 2.0)],
)
def test_prompts_are_faster_in_formats_that_the_chip_computes(chip: str, quantization: Quantization, faster: float) -> None:
    """An A800 stores FP8 and computes BF16."""
    performances = [
        ask(accelerator=chip, quantization=one, parallelism=(4, 1, 1, 1)).performance
        for one in (Quantization.BF16, quantization)
    ]
    plain, eight_bit = (one.timing.beta_seconds_per_token for one in performances if one is not None)
    assert plain / eight_bit == pytest.approx(faster, rel=0.02)
