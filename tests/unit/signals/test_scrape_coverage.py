from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.loader import builtin
from modelmatrix.signals.scrape_coverage import SETTLED_SECONDS, ReplicaTarget, scrape_coverage

HOUR = 3600.0


def leader(pod: str = "a", *, engine: str = "vLLM", ready_seconds: float | None = HOUR) -> ReplicaTarget:
    dialect = builtin().dialects[builtin().engines[engine].dialect]
    return ReplicaTarget(pod, f"uid-{pod}", "p", engine, dialect, HOUR, ready_seconds)


A, B, C = (leader(name) for name in "abc")
SEEN = {"vllm/age": 5.0}


def test_all_are_measured() -> None:
    found = scrape_coverage({"a": SEEN, "b": {"vllm/age": 9.0}}, [A, B], 0, 1.0)
    assert (found.measured, found.ready, found.settled, found.age_seconds, found.problem) == (2, 2, 2, 9.0, None)


@pytest.mark.parametrize(
    ("values", "reason", "words"),
    [
        ({}, Reason.SIGNALS_MISSING, "are not scraped by Prometheus (a)"),
        ({"up": 0.0}, Reason.SIGNALS_MISSING, "cannot be scraped (a)"),
        ({"up": 1.0, "samples": 0.0}, Reason.SIGNALS_MISSING, "show no vllm:num_requests_waiting"),
        ({"vllm/age": 61.0}, Reason.SIGNALS_STALE, "no sample of the last minute (a)"),
        ({"vllm/age": 1.0, "covered": 4.0}, Reason.SIGNALS_MISSING, "for less than the last 180 s (a)"),
        ({"mindie/age": 1.0}, Reason.SIGNALS_MISSING, "are not scraped"),
    ],
)
def test_what_is_wrong_with_a_replica(values: dict[str, float], reason: Reason, words: str) -> None:
    found = scrape_coverage({"a": values}, [A], 0, 1.0)
    assert found.problem is not None
    assert found.problem[0] is reason
    assert found.problem[1].startswith("1 of 1 ready replicas ")
    assert words in found.problem[1]


def test_the_worst_is_told_first_and_only_some_pods_are_named() -> None:
    leaders = [leader(f"pod-{number}") for number in range(6)]
    pods = {"pod-0": {"vllm/age": 400.0}}
    found = scrape_coverage(pods, leaders, 0, 1.0)
    assert found.problem is not None
    assert "5 of 6 ready replicas" in found.problem[1]
    assert "(pod-1, pod-2, pod-3 and 2 more)" in found.problem[1]


@pytest.mark.parametrize("ready_seconds", [None, 0.0, SETTLED_SECONDS - 1])
def test_a_replica_that_does_not_serve_for_long_is_not_waited_for(ready_seconds: float | None) -> None:
    found = scrape_coverage({"a": SEEN}, [A, leader("b", ready_seconds=ready_seconds)], 0, 1.0)
    assert (found.settled, found.measured, found.problem) == (1, 1, None)


def test_a_young_replica_has_no_long_past() -> None:
    young = leader(ready_seconds=90.0)
    assert scrape_coverage({"a": {"vllm/age": 1.0, "covered": 5.0}}, [young], 0, 1.0).problem is None
    assert scrape_coverage({"a": {"vllm/age": 1.0, "covered": 3.0}}, [young], 0, 1.0).problem is not None


def test_replicas_that_drain_may_still_report() -> None:
    assert scrape_coverage({"a": SEEN, "old": SEEN}, [A], 1, 1.0).problem is None
    assert scrape_coverage({"a": SEEN, "old": {"vllm/age": 200.0}}, [A], 0, 1.0).problem is None


def test_but_do_not_stand_for_those_that_serve() -> None:
    """Their number alone would: two are measured, two are ready."""
    found = scrape_coverage({"a": SEEN, "old": SEEN}, [A, B], 1, 1.0)
    assert found.problem is not None
    assert "(b)" in found.problem[1]


def test_strangers_are_told_and_marked() -> None:
    found = scrape_coverage({"a": SEEN, "x": SEEN, "y": SEEN}, [A], 1, 1.0)
    assert found.has_foreign_pods
    assert found.problem is not None
    assert "(x, y)" in found.problem[1]


def test_ages_are_of_model_time() -> None:
    found = scrape_coverage({"a": {"vllm/age": 5.0}}, [A], 0, 15.0)
    assert found.age_seconds == 75.0
    assert found.problem is not None
    assert found.problem[0] is Reason.SIGNALS_STALE


def test_an_unused_engine_is_unused_only_as_a_whole() -> None:
    first, second = leader("a", engine="TEI"), leader("b", engine="TEI")
    empty: dict[str, float] = {"up": 1.0, "samples": 0.0}
    assert scrape_coverage({"a": empty, "b": empty}, [first, second], 0, 1.0).unused == {"tei"}
    half = scrape_coverage({"a": empty, "b": {"tei/age": 1.0}}, [first, second], 0, 1.0)
    assert (half.unused, half.measured, half.problem) == (frozenset(), 2, None)


names = st.sampled_from(["vllm/age", "up", "samples", "covered", "mindie/age"])
values = st.dictionaries(names, st.floats(0, 1e6), max_size=5)


@given(
    pods=st.dictionaries(st.sampled_from("abcdx"), values, max_size=5),
    ready=st.lists(st.none() | st.floats(0, 1e6), max_size=4),
    draining=st.integers(0, 2),
)
def test_no_problem_means_that_every_settled_replica_is_seen_freshly(
    pods: dict[str, dict[str, float]], ready: list[float | None], draining: int
) -> None:
    leaders = [leader(name, ready_seconds=seconds) for name, seconds in zip("abcd", ready, strict=False)]
    found = scrape_coverage(pods, leaders, draining, 1.0)
    assert 0 <= found.measured <= found.ready <= len(leaders)
    if found.problem is None:
        assert all(one.pod in pods for one in leaders if one.is_settled)
        assert all(pods[one.pod]["vllm/age"] <= 60 for one in leaders if one.is_settled)


def test_nothing_is_expected_of_nobody() -> None:
    found: Any = scrape_coverage({}, [], 0, 1.0)
    assert (found.measured, found.settled, found.problem, found.age_seconds) == (0, 0, None, None)


def test_copies_are_reported_and_are_no_problem() -> None:
    coverage = scrape_coverage({"a": SEEN | {"copies": 2.0}, "b": SEEN}, [A, B], 0, 1.0)
    assert coverage.problem is None
    assert "each series counts once" in coverage.copies
    assert scrape_coverage({"a": SEEN}, [A], 0, 1.0).copies == ""
