"""The layout of a replica under an SLO: the smallest that can answer in time, or the figures of why none can."""

from __future__ import annotations

import pytest

from modelmatrix.api.model_deployment import Parallelism, Quantization
from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.loader import builtin
from modelmatrix.planning.feasibility.device_memory import ModelFootprint
from modelmatrix.planning.feasibility.layout_checks import Hardware
from modelmatrix.planning.feasibility.layout_choice import (
    LayoutRequest,
    check_layout,
    choose_layout,
    context_too_long,
    latency_note,
)
from modelmatrix.planning.feasibility.layouts import Layout
from modelmatrix.planning.feasibility.step_latency import TightestSlo
from modelmatrix.planning.feasibility.verdict import Rejection, Verdict

CATALOGUE = builtin()


def order(
    milliseconds: int | None, *, model: str = "Qwen3-32B", quantization: str = "BF16", chip: str = "h100-80g", nodes: int = 1
) -> LayoutRequest:
    """An order on whole servers of a chip."""
    known, accelerator = CATALOGUE.model(model), CATALOGUE.accelerators[chip]
    assert known is not None
    return LayoutRequest(
        load=ModelFootprint(known.facts, CATALOGUE.compatibility.formats[Quantization(quantization)], 4096),
        quantization=Quantization(quantization),
        bound=None if milliseconds is None else TightestSlo("tpotMilliseconds", milliseconds),
        hardware=Hardware(accelerator, accelerator.devices_per_node, nodes),
        engine=CATALOGUE.engines_for(accelerator.vendor)[0],
    )


def chosen(wanted: LayoutRequest) -> Layout:
    found = choose_layout(wanted)
    assert isinstance(found, Layout), found
    return found


def refused(found: Layout | Rejection) -> Rejection:
    assert isinstance(found, Rejection), found
    assert found.verdict is Verdict.IMPOSSIBLE
    return found


@pytest.mark.parametrize(("milliseconds", "tensor"), [(None, 1), (60, 1), (30, 1), (20, 2), (12, 4), (8, 8)])
def test_a_tighter_bound_gets_more_tensor_ranks(milliseconds: int | None, tensor: int) -> None:
    assert chosen(order(milliseconds)).parallelism == Parallelism(tensor=tensor)


def test_where_no_estimate_is_within_the_smallest_that_is_not_refuted_is_taken_and_noted() -> None:
    wanted = order(5)
    layout = chosen(wanted)
    assert layout.parallelism == Parallelism(tensor=4)
    assert latency_note(wanted, layout) == "; an idle replica is estimated at 9 ms a token, above tpotMilliseconds 5"


@pytest.mark.parametrize("milliseconds", [None, 60])
def test_what_is_fast_enough_needs_no_note(milliseconds: int | None) -> None:
    wanted = order(milliseconds)
    assert latency_note(wanted, chosen(wanted)) == ""


def test_a_bound_below_what_reading_the_weights_takes_is_refused_with_the_figures() -> None:
    no = refused(choose_layout(order(2, chip="310p3-duo-48g", quantization="W8A8")))
    assert no.reason is Reason.SLO_INFEASIBLE
    for words in (
        "tpotMilliseconds 2 is below",
        "8 chips of 310p3-duo-48g",
        "GiB of weights a token at 204 GB/s",
        "in practice",
    ):
        assert words in no.message
    assert "looser SLO" in no.message


def test_stages_do_not_rescue_a_bound() -> None:
    no = refused(choose_layout(order(2, model="DeepSeek-R1", quantization="W8A8", chip="910b-64g", nodes=4)))
    assert no.reason is Reason.SLO_INFEASIBLE


def test_a_given_cut_is_held_to_the_bound() -> None:
    assert isinstance(check_layout(order(30), Parallelism(tensor=1)), Layout)
    no = refused(check_layout(order(15), Parallelism(tensor=1)))
    assert no.reason is Reason.SLO_INFEASIBLE
    assert "on 1 device of h100-80g" in no.message
    assert isinstance(check_layout(order(15), Parallelism(tensor=2)), Layout)


def test_lack_of_memory_is_said_before_lack_of_pace() -> None:
    assert refused(choose_layout(order(1, model="DeepSeek-R1"))).reason is Reason.MEMORY_INSUFFICIENT
    assert refused(check_layout(order(1, model="DeepSeek-R1"), Parallelism(tensor=8))).reason is Reason.MEMORY_INSUFFICIENT


def test_an_unknown_bandwidth_refuses_nothing() -> None:
    assert chosen(order(1, chip="rtx-pro-6000")).parallelism == Parallelism(tensor=1)
    assert isinstance(check_layout(order(1, chip="rtx-pro-6000"), Parallelism(tensor=2)), Layout)


@pytest.mark.parametrize(
    ("name", "tokens", "refused_with"),
    [
        ("Qwen3-32B", 4 * 40960, ""),
        ("Qwen3-32B", 4 * 40960 + 1, "above 4 times the 40960 tokens that Qwen/Qwen3-32B was trained for"),
        ("bge-m3", 8194, ""),
        ("bge-m3", 8195, "above the 8194 tokens that BAAI/bge-m3 was trained for"),
    ],
)
def test_a_context_can_be_stretched_only_so_far(name: str, tokens: int, refused_with: str) -> None:
    known = CATALOGUE.model(name)
    assert known is not None
    found = context_too_long(ModelFootprint(known.facts, CATALOGUE.compatibility.formats[Quantization.BF16], tokens))
    assert (found is None) == (not refused_with)
    assert found is None or refused_with in found.message
