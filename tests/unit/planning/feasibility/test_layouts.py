"""Cuts: which are legal, in which words the others are refused, and that the search finds the smallest one that fits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.api.model_deployment import Parallelism, Quantization
from modelmatrix.catalogue.engines import Engine
from modelmatrix.catalogue.loader import builtin
from modelmatrix.catalogue.models import Model
from modelmatrix.planning.feasibility.device_memory import ModelFootprint
from modelmatrix.planning.feasibility.layout_checks import CHECKS, Hardware, devices_of, layout_violation
from modelmatrix.planning.feasibility.layouts import build_layout, find_layout, nodes_of

CATALOGUE = builtin()
VLLM, MINDIE, TEI = CATALOGUE.engines["vLLM"], CATALOGUE.engines["MindIE"], CATALOGUE.engines["TEI"]


def facts(name: str) -> Model:
    known = CATALOGUE.model(name)
    assert known is not None
    return known.facts


def hardware(chip: str = "h20-96g", devices: int = 8, nodes: int = 1) -> Hardware:
    return Hardware(CATALOGUE.accelerators[chip], devices, nodes)


def why(model: str, *, quantization: str = "BF16", on: Hardware | None = None, engine: Engine = VLLM, **cut: int) -> str | None:
    """Why a cut is illegal."""
    return layout_violation(Parallelism(**cut), facts(model), Quantization(quantization), on or hardware(), engine=engine)


LEGAL: list[tuple[str, dict[str, Any]]] = [
    ("Qwen3-32B", {"tensor": 8}),
    ("Qwen2.5-7B", {"tensor": 4, "pipeline": 7, "on": hardware(devices=4, nodes=7)}),
    ("Qwen3-235B-A22B", {"tensor": 8, "expert": 8}),
    ("Qwen3-235B-A22B", {"tensor": 4, "data": 2, "expert": 8}),
    ("Qwen3-235B-A22B", {"tensor": 4, "quantization": "FP8"}),
    ("Qwen3-235B-A22B", {"tensor": 8, "expert": 8, "quantization": "FP8"}),
    ("Qwen3-Coder-480B-A35B-Instruct", {"tensor": 4, "quantization": "FP8"}),
    ("DeepSeek-R1", {"tensor": 8, "pipeline": 2, "on": hardware(nodes=2)}),
    ("DeepSeek-R1", {"tensor": 8, "data": 2, "expert": 16, "on": hardware(nodes=2)}),
    ("DeepSeek-R1", {"tensor": 16, "on": hardware(nodes=2)}),
    ("DeepSeek-R1", {"tensor": 16, "data": 2, "expert": 32, "on": hardware(nodes=4)}),
    ("Llama-3.1-70B", {"tensor": 2, "pipeline": 2}),
]
ILLEGAL: list[tuple[str, dict[str, Any], str]] = [
    ("Qwen3-32B", {"tensor": 3, "on": hardware(devices=3)}, "tensor 3 does not divide the 64 attention heads"),
    ("Qwen2.5-7B", {"tensor": 8}, "tensor 8 does not divide the 28 attention heads"),
    ("GLM-4.5", {"tensor": 6, "on": hardware(devices=6)}, "tensor 6 fits neither into nor over the 8 key-value heads"),
    ("Qwen3-32B", {"tensor": 2, "expert": 2}, "has no experts"),
    ("Qwen3-235B-A22B", {"tensor": 4, "data": 2, "expert": 4}, "must be 1 or tensor x data = 8"),
    ("Mixtral-8x7B-v0.1", {"tensor": 4, "data": 4, "expert": 16, "on": hardware(nodes=2)}, "does not divide the 8 experts"),
    ("Qwen2.5-0.5B", {"pipeline": 32, "on": hardware(devices=8, nodes=4)}, "more than the 24 layers"),
    ("Qwen3-235B-A22B", {"tensor": 8, "quantization": "FP8"}, "into 192, which is not a multiple of the FP8 block of 128"),
    ("Qwen3-Coder-480B-A35B-Instruct", {"tensor": 8, "quantization": "FP8"}, "into 320, which is not a multiple"),
    ("Qwen2.5-72B", {"tensor": 16, "on": hardware(devices=12, nodes=2)}, "do not fill whole nodes of 12"),
    ("DeepSeek-R1", {"tensor": 4, "pipeline": 3, "data": 2, "on": hardware(nodes=3)}, "a part of a node that divides it"),
    ("Qwen3-32B", {"tensor": 16, "on": hardware(nodes=2), "engine": TEI}, "TEI runs on one node only"),
    (
        "Qwen3-32B",
        {"tensor": 8, "pipeline": 2, "on": hardware("910b-64g", nodes=2), "engine": MINDIE},
        "MindIE has no pipeline",
    ),
    ("Qwen3-32B", {"tensor": 2, "pipeline": 2, "on": hardware("910b-64g"), "engine": MINDIE}, "MindIE has no pipeline"),
    ("Qwen2.5-1.5B", {"tensor": 3, "on": hardware("a3-die-64g", 16)}, "over the 2 key-value heads"),
    ("Qwen2.5-1.5B", {"pipeline": 3, "on": hardware("a3-die-64g", 16)}, "3 dies: a pod can request 1, 2, 4, 6"),
    (
        "Qwen2.5-1.5B",
        {"pipeline": 3, "on": hardware("310p3-duo-48g")},
        "3 chips: a pod can request 1, 2, 4, 8 chips of 310p3",
    ),
]


@pytest.mark.parametrize(("model", "cut"), LEGAL)
def test_legal_cuts(model: str, cut: dict[str, Any]) -> None:
    assert why(model, **cut) is None


@pytest.mark.parametrize(("model", "cut", "words"), ILLEGAL)
def test_illegal_cuts_are_refused_in_words(model: str, cut: dict[str, Any], words: str) -> None:
    text = why(model, **cut)
    assert text is not None
    assert words in text


def test_heads_say_which_tensor_sizes_divide_them() -> None:
    assert "use 1, 2, 4, 7, 14, 28" in (why("Qwen2.5-7B", tensor=8) or "")


@pytest.mark.parametrize(("tensor", "devices", "nodes"), [(1, 8, 1), (8, 8, 1), (9, 8, 2), (16, 8, 2), (17, 8, 3)])
def test_nodes_are_counted_whole(tensor: int, devices: int, nodes: int) -> None:
    assert nodes_of(Parallelism(tensor=tensor), hardware(devices=devices)) == nodes


def search(model: str, quantization: str, on: Hardware, engine: Engine = VLLM, length: int = 4096) -> Parallelism | None:
    load = ModelFootprint(facts(model), CATALOGUE.compatibility.formats[Quantization(quantization)], length)
    found = find_layout(load, Quantization(quantization), on, engine)
    return found.layout.parallelism if found.layout else None


@pytest.mark.parametrize(
    ("model", "quantization", "on", "cut"),
    [
        ("Qwen3-8B", "BF16", hardware(), (1, 1, 1, 1)),
        ("Qwen2.5-72B", "BF16", hardware(), (2, 1, 1, 1)),
        ("Qwen2.5-72B", "W8A8", hardware("910b-64g"), (2, 1, 1, 1)),
        ("DeepSeek-R1", "W8A8", hardware("910b-64g", 8, 2), (8, 2, 1, 1)),
        ("DeepSeek-R1", "W8A8", hardware("a3-die-64g", 16), (16, 1, 1, 1)),
        ("DeepSeek-R1", "FP8", hardware("h200-141g"), (8, 1, 1, 1)),
        ("Qwen3-Coder-480B-A35B-Instruct", "FP8", hardware("h20-96g"), (4, 1, 2, 8)),
        ("bge-m3", "FP16", hardware("910b-64g", 8, 4), (1, 1, 1, 1)),
    ],
)
def test_the_smallest_cut_that_fits_is_found(model: str, quantization: str, on: Hardware, cut: tuple[int, ...]) -> None:
    engine = CATALOGUE.engines["vLLM-Ascend" if on.accelerator.vendor == "huawei" else "vLLM"]
    found = search(model, quantization, on, engine)
    assert found is not None
    assert (found.tensor, found.pipeline, found.data, found.expert) == cut


def test_an_engine_without_pipelines_cuts_over_nodes_by_tensor_or_data() -> None:
    found = search("DeepSeek-R1", "W8A8", hardware("910b-64g", 8, 2), MINDIE)
    assert found is not None
    assert (found.pipeline, found.tensor * found.data) == (1, 16)


def test_a_dense_model_on_such_an_engine_is_cut_over_nodes_by_tensor() -> None:
    found = search("Llama-3.1-405B", "BF16", hardware("910b-64g", 8, 2), MINDIE)
    assert found == Parallelism(tensor=16)


def test_an_engine_for_one_node_does_not_look_at_more() -> None:
    assert search("DeepSeek-R1", "BF16", hardware("h20-96g", 8, 8), CATALOGUE.engines["llama.cpp"]) is None


models = st.sampled_from(CATALOGUE.models)
engines = st.sampled_from(sorted(CATALOGUE.engines)).map(lambda name: CATALOGUE.engines[name])
chips = st.sampled_from(sorted(CATALOGUE.accelerators)).map(lambda name: CATALOGUE.accelerators[name])
hardwares = st.builds(Hardware, chips, st.integers(1, 3000), st.integers(0, 40))
formats = st.sampled_from(Quantization)
lengths = st.integers(1, 2_000_000)


@given(models, formats, hardwares, engines, lengths)
def test_a_found_layout_is_legal_fits_and_is_on_the_hardware(
    model: Model, quantization: Quantization, on: Hardware, engine: Engine, length: int
) -> None:
    load = ModelFootprint(model, CATALOGUE.compatibility.formats[quantization], length)
    search = find_layout(load, quantization, on, engine)
    layout = search.layout
    if layout is None:
        assert search.largest is None or not search.largest.memory.fits
        return
    assert layout.memory.fits
    assert layout_violation(layout.parallelism, model, quantization, on, engine=engine) is None
    assert layout.devices == devices_of(layout.parallelism) == layout.devices_per_node * layout.nodes
    assert layout.devices_per_node <= on.devices_per_node
    assert layout.nodes <= max(1, on.nodes)


@given(models, formats, hardwares, engines, lengths)
def test_more_hardware_never_needs_more_devices(
    model: Model, quantization: Quantization, on: Hardware, engine: Engine, length: int
) -> None:
    load = ModelFootprint(model, CATALOGUE.compatibility.formats[quantization], length)
    before = find_layout(load, quantization, on, engine).layout
    after = find_layout(load, quantization, Hardware(on.accelerator, on.devices_per_node, on.nodes + 1), engine).layout
    if before is not None:
        assert after is not None
        assert after.devices == before.devices


@given(models, formats, hardwares, engines)
def test_a_shorter_context_never_needs_more_devices(
    model: Model, quantization: Quantization, on: Hardware, engine: Engine
) -> None:
    form = CATALOGUE.compatibility.formats[quantization]
    long, short = (
        find_layout(ModelFootprint(model, form, length), quantization, on, engine).layout for length in (32768, 4096)
    )
    if long is not None:
        assert short is not None
        assert short.devices <= long.devices


@given(
    models,
    formats,
    hardwares,
    engines,
    st.builds(
        Parallelism,
        tensor=st.integers(1, 1024),
        pipeline=st.integers(1, 64),
        data=st.integers(1, 1024),
        expert=st.integers(1, 1024),
    ),
)
def test_judging_any_cut_is_total(
    model: Model, quantization: Quantization, on: Hardware, engine: Engine, cut: Parallelism
) -> None:
    text = layout_violation(cut, model, quantization, on, engine=engine)
    assert text is None or text
    build_layout(ModelFootprint(model, CATALOGUE.compatibility.formats[quantization], 1), cut, on, engine)


def test_checks_run_in_the_order_in_which_messages_prefer_them() -> None:
    assert [check.__name__ for check in CHECKS] == [
        "_experts_do_not_divide",
        "_heads_do_not_divide",
        "_stages_are_too_many",
        "_fp8_blocks_are_split",
        "_count_is_not_offered",
        "_nodes_are_not_whole",
    ]


def test_the_message_is_that_of_the_first_check_that_fails() -> None:
    assert (why("Qwen3-32B", tensor=7, expert=4) or "").startswith("expert 4: Qwen/Qwen3-32B has no experts")
    assert (why("Qwen3-32B", tensor=7, pipeline=64) or "").startswith("tensor 7 does not divide")
