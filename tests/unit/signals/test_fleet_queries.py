from __future__ import annotations

import re

import pytest

from modelmatrix.catalogue.loader import builtin
from modelmatrix.catalogue.metrics import Signal
from modelmatrix.signals.fleet_queries import LATENCIES, NEEDED, SELDOM, QueryRequest, query_set
from modelmatrix.signals.history import history_query

ALL = tuple(builtin().dialects.values())
MANY = tuple(number / 10 for number in range(1, 200))
MOST_REQUESTS = 12


def asked(*dialects: str, gateway: str = "", bounds: tuple[float, ...] = (1.0,)) -> dict[str, str]:
    spoken = tuple(builtin().dialects[name] for name in dialects)
    everything = {name: dict.fromkeys(LATENCIES, bounds) for name in dialects}
    return dict(query_set(QueryRequest(spoken, everything, (95,), gateway), 1.0).expressions)


def test_however_large_and_mixed_a_fleet_is_it_is_asked_about_in_a_dozen_requests() -> None:
    everything = {dialect.name: dict.fromkeys(LATENCIES, MANY) for dialect in ALL}
    found = query_set(QueryRequest(ALL, everything, (90, 95, 99), "up"), 1.0).expressions
    assert len(found) + 1 <= MOST_REQUESTS, "and one request at the start, for the past"
    assert found.keys() >= NEEDED | SELDOM


def test_nobody_to_ask_for() -> None:
    assert query_set(QueryRequest((), {}), 1.0).expressions == {}


def test_only_what_is_spoken_is_asked() -> None:
    found = asked("vllm")
    assert not any("sglang:" in text or "te_queue_size" in text for text in found.values())
    assert set(found) == {"pods", "missing", "now", "arrivals", "lengths", "ttft", "tpot", "e2e", "percentiles", "engines"}


def test_an_engine_is_not_asked_for_what_it_lacks() -> None:
    assert set(asked("llama-cpp")) == {"pods", "missing", "now", "arrivals", "lengths"}
    assert "ttft" not in asked("tei")
    assert "te_queue_size" not in asked("tei")["missing"], "its page may be empty"


def test_buckets_are_filtered_by_bound_and_summed() -> None:
    text = asked("vllm", bounds=(0.5, 2.0))["ttft"]
    assert "sum by (namespace, modelmatrix_io_deployment, le)" in text
    assert r"le=~`0\.5|2|2\.0|\+Inf`" in text


def test_every_metric_is_restricted_to_the_operators_own() -> None:
    names = [name for dialect in ALL for metrics in dialect.metrics.values() for name in metrics]
    for text in asked(*(dialect.name for dialect in ALL)).values():
        for name in names:
            for match in re.finditer(rf"(?<![\w:]){re.escape(name)}(?:_bucket|_count|_sum)?(?![\w/\"])", text):
                assert text[match.end() :].startswith('{modelmatrix_io_deployment!=""'), (name, text)


@pytest.mark.parametrize(("scale", "window"), [(1.0, "[60000ms]"), (15.0, "[4000ms]")])
def test_windows_are_of_model_time(scale: float, window: str) -> None:
    bounds = {"vllm": {Signal.TTFT: (1.0,)}}
    assert window in query_set(QueryRequest((builtin().dialects["vllm"],), bounds), scale).expressions["arrivals"]


def test_the_gateways_own_query_comes_along() -> None:
    assert asked("vllm", gateway="sum(x)")["gateway"] == "sum(x)"


def test_every_selector_has_the_matchers_of_the_cluster() -> None:
    dialects = tuple(builtin().dialects.values())
    bounds = {dialect.name: dict.fromkeys(LATENCIES, (1.0,)) for dialect in dialects}
    request = QueryRequest(dialects, bounds, (95,), matchers='cluster="bank-a"')
    expressions = query_set(request, 1.0).expressions
    for text in (*expressions.values(), history_query(dialects, 10, 1.0, 'cluster="bank-a"').expression):
        assert text.count('modelmatrix_io_deployment!=""') == text.count('modelmatrix_io_deployment!="",cluster="bank-a"') > 0


def test_no_label_that_a_setup_adds_splits_a_series() -> None:
    """Copies are apart in labels that cannot be listed, so each fold names the labels that stay."""
    expressions = dict(query_set(QueryRequest((builtin().dialects["vllm"],), {}), 1.0).expressions)
    assert "without" not in "".join(expressions.values())
    labels = "namespace, modelmatrix_io_deployment, modelmatrix_io_pool, pod, le, model_name, engine, finished_reason"
    assert f"max by ({labels})" in expressions["arrivals"]
