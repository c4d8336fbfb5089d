from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.api.model_deployment import ServiceLevelObjective
from modelmatrix.catalogue.loader import builtin
from modelmatrix.catalogue.metrics import Signal
from modelmatrix.signals.slo_buckets import SloBuckets, bucket_at_or_below, counted_bounds


def counted(*engines: str, **slo: int) -> SloBuckets:
    images = tuple((engine, f"{engine.lower()}:v1.0") for engine in engines)
    return counted_bounds(builtin(), images, ServiceLevelObjective.model_validate(slo) if slo else None)


def test_bounds_that_are_buckets_count_themselves() -> None:
    found = counted("vLLM", ttftMilliseconds=1500, tpotMilliseconds=50)
    assert found.seconds == {"vllm": {Signal.TTFT: 1.5, Signal.TPOT: 0.05}}
    assert (found.message, found.unmeasured) == ("", "")


def test_the_largest_bucket_below_counts_and_is_told() -> None:
    found = counted("vLLM", ttftMilliseconds=1600)
    assert found.seconds["vllm"][Signal.TTFT] == 1.5
    assert found.message == "ttft is counted at 1500 ms, the largest histogram bound below 1600 ms"


def test_engines_have_bounds_of_their_own() -> None:
    found = counted("vLLM-Ascend", "MindIE", ttftMilliseconds=1500)
    assert found.seconds == {"vllm": {Signal.TTFT: 1.5}, "mindie": {Signal.TTFT: 1.0}}
    assert len(found.keys[Signal.TTFT]) == 2


def test_an_image_that_cannot_be_given_bounds_has_its_own_and_others_are_read_where_both_have_one() -> None:
    slo = ServiceLevelObjective.model_validate({"ttftMilliseconds": 1500, "tpotMilliseconds": 80})
    old, new = ("vLLM-Ascend", "vllm-ascend:v0.23.0-a3"), ("vLLM", "vllm-openai:v0.32.0")
    assert counted_bounds(builtin(), (new,), slo).seconds["vllm"] == {Signal.TTFT: 1.5, Signal.TPOT: 0.08}
    both = counted_bounds(builtin(), (new, old), slo)
    assert both.seconds["vllm"] == {Signal.TTFT: 1.0, Signal.TPOT: 0.075}
    assert "ttft is counted at 1000 ms, the largest histogram bound below 1500 ms" in both.message


@pytest.mark.parametrize(
    ("engine", "slo", "words"),
    [
        ("MindIE", {"e2eMilliseconds": 500}, "e2e cannot be measured: the lowest histogram bound of MindIE is 1000 ms"),
        ("TEI", {"ttftMilliseconds": 500}, "ttft cannot be measured: TEI has no histogram of it"),
        ("llama.cpp", {"tpotMilliseconds": 50}, "tpot cannot be measured: llama.cpp has no histogram of it"),
    ],
)
def test_what_cannot_be_measured_is_told(engine: str, slo: dict[str, int], words: str) -> None:
    found = counted(engine, **slo)
    assert (found.unmeasured, found.message, found.keys) == (words, words, {})


def test_a_bucket_is_looked_for_as_every_client_writes_it() -> None:
    (keys,) = counted("vLLM", ttftMilliseconds=1000).keys[Signal.TTFT]
    assert keys == (("vllm/ttft", "+Inf"), ("vllm/ttft", "1.0"), ("vllm/ttft", "1"))


def test_without_an_slo_nothing_counts() -> None:
    assert counted("vLLM") == SloBuckets({}, {})


@given(asked=st.floats(0.001, 1000), buckets=st.lists(st.floats(0.001, 1000), max_size=8))
def test_the_usable_bound_is_never_above_what_was_asked(asked: float, buckets: list[float]) -> None:
    used = bucket_at_or_below(asked, buckets)
    assert used is None or used in buckets
    assert (used is None) == all(bucket > asked + 1e-9 for bucket in buckets)
    assert used is None or used <= asked + 1e-9
