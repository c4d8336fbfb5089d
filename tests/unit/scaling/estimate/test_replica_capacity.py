"""The edge of one replica: where half of the requests miss, what sets it, and how blurred it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.performance.engine_timing import BindingLimit, EngineLimits, EngineTiming, SloBounds, TokenLengths
from modelmatrix.scaling.estimate.replica_capacity import DEADBAND, UNPOOLED_SHARE, estimate_capacity
from observations import CAPACITY, CHAT, LENGTHS, LIMITS, SLO

EMBEDDING = TokenLengths(input_tokens=300.0, output_tokens=0.0)


def test_time_per_output_token_sets_the_edge_of_chat() -> None:
    edge = estimate_capacity(CHAT, LIMITS, LENGTHS, SLO)
    assert (edge.requests_per_second, edge.bound) == (pytest.approx(CAPACITY), BindingLimit.TPOT)
    # 211 tokens at 50 ms, and the time to the first token, at twelve requests a second.
    assert edge.in_flight == pytest.approx(CAPACITY * (211 * 0.05 + 2.0))


def test_a_strict_first_token_sets_the_edge_of_long_prompts() -> None:
    long, slo = replace(LENGTHS, input_tokens=12_000.0), replace(SLO, ttft_seconds=0.6)
    edge = estimate_capacity(CHAT, EngineLimits(max_num_seqs=256, kv_tokens=10**7), long, slo)
    assert edge.bound is BindingLimit.TTFT
    assert 0.0 < edge.requests_per_second < CHAT.tpot_capacity(SLO.tpot_seconds, long)


def test_little_memory_sets_the_edge() -> None:
    edge = estimate_capacity(CHAT, EngineLimits(max_num_seqs=8, kv_tokens=300_000), LENGTHS, SloBounds(tpot_seconds=0.2))
    assert edge.bound is BindingLimit.MEMORY


def test_an_embedding_has_an_edge_by_its_whole_time() -> None:
    edge = estimate_capacity(EngineTiming(0.004, 1e-5, 0.0), LIMITS, EMBEDDING, SloBounds(e2e_seconds=0.2))
    assert edge.bound is BindingLimit.E2E
    assert 0.0 < edge.requests_per_second < 1 / (300 * 1e-5)
    assert edge.in_flight == pytest.approx(0.2 * edge.requests_per_second)


def test_a_bound_that_cannot_be_kept_leaves_nothing() -> None:
    hopeless = estimate_capacity(CHAT, LIMITS, LENGTHS, SloBounds(ttft_seconds=0.01))
    assert (hopeless.requests_per_second, hopeless.in_flight, hopeless.bound) == (0.0, 0.0, BindingLimit.TTFT)
    assert hopeless.variance(4, 1.0) == 0.0


def test_without_work_there_is_no_capacity_to_speak_of() -> None:
    free = estimate_capacity(EngineTiming(0.01, 0.0, 0.0), LIMITS, EMBEDDING, SloBounds())
    assert free.requests_per_second == 0.0


def test_a_capacity_that_is_known_stays_until_something_has_moved() -> None:
    known = estimate_capacity(CHAT, LIMITS, LENGTHS, SLO)
    near = replace(LENGTHS, input_tokens=LENGTHS.input_tokens * (1 + 0.9 * DEADBAND))
    far = replace(LENGTHS, input_tokens=LENGTHS.input_tokens * (1 + 1.1 * DEADBAND))
    assert estimate_capacity(CHAT, LIMITS, near, SLO, known=known) is known
    assert estimate_capacity(CHAT, LIMITS, far, SLO, known=known) is not known
    assert estimate_capacity(CHAT, LIMITS, LENGTHS, replace(SLO, tpot_seconds=0.06), known=known) is not known


def test_the_edge_is_sharper_with_more_replicas_and_blurred_by_bursts() -> None:
    edge = estimate_capacity(CHAT, LIMITS, LENGTHS, SLO)
    assert edge.variance(1, 1.0) == pytest.approx(2.0 / edge.in_flight)
    assert edge.variance(10, 1.0) == pytest.approx((UNPOOLED_SHARE + (1 - UNPOOLED_SHARE) / 10) * edge.variance(1, 1.0))
    assert edge.variance(4, 9.0) == pytest.approx(5 * edge.variance(4, 1.0))
    assert edge.variance(0.3, 1.0) == edge.variance(1, 1.0)


@given(
    st.builds(EngineTiming, st.floats(1e-3, 0.1), st.floats(1e-6, 1e-3), st.floats(0, 1e-6)),
    st.floats(1, 30_000),
    st.floats(0, 5_000),
    st.floats(0.01, 10.0),
    st.floats(0.01, 1.0),
)
def test_a_looser_slo_never_has_less_capacity(
    timing: EngineTiming, prompt: float, output: float, ttft: float, tpot: float
) -> None:
    lengths = TokenLengths(input_tokens=prompt, output_tokens=output)
    strict = estimate_capacity(timing, LIMITS, lengths, SloBounds(ttft_seconds=ttft, tpot_seconds=tpot))
    loose = estimate_capacity(timing, LIMITS, lengths, SloBounds(ttft_seconds=2 * ttft, tpot_seconds=2 * tpot))
    assert 0.0 <= strict.requests_per_second <= loose.requests_per_second * 1.001
