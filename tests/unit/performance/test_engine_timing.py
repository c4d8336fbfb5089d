"""Closed forms of one replica: monotone where they must be, right where somebody measured."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.performance.engine_timing import BindingLimit, EngineLimits, EngineTiming, SloBounds, TokenLengths

QWEN3_32B_2XH100 = EngineTiming(12.8e-3, 0.063e-3, 65e-9)
LLM_D_LENGTHS = TokenLengths(input_tokens=4000, output_tokens=1000)
ROOMY = EngineLimits(max_num_seqs=128, kv_tokens=1_000_000)

timings = st.builds(
    EngineTiming,
    st.floats(1e-3, 0.1),
    st.floats(1e-6, 1e-3),
    st.floats(0, 1e-6),
)
lengths = st.builds(
    TokenLengths,
    input_tokens=st.integers(1, 30_000),
    output_tokens=st.integers(0, 5_000),
    hit_ratio=st.floats(0, 0.95),
    index_of_dispersion=st.floats(0.5, 50),
)
limits = st.builds(
    EngineLimits,
    max_num_seqs=st.integers(1, 512),
    kv_tokens=st.integers(100, 2_000_000),
    max_num_batched_tokens=st.integers(512, 16_384),
)
slos = st.builds(
    SloBounds,
    ttft_seconds=st.none() | st.floats(0.01, 30),
    tpot_seconds=st.none() | st.floats(0.005, 1),
    e2e_seconds=st.none() | st.floats(0.01, 300),
)


def test_llm_d_episode_is_about_one_and_a_half_requests_per_second() -> None:
    # Qwen3-32B on two H100: its operators saw 1.4 to 1.5 requests per second and replica at 4000 and 1000 tokens, with
    # P90 TTFT of 3 s and TPOT of 100 ms. 160 GB of memory, 90 % used, less 65 GB of weights, at 256 KiB a token.
    timing = EngineTiming(12.8e-3, 0.0238e-3, 65e-9)
    fixed = TokenLengths(input_tokens=4000, output_tokens=1000, length_cv=0)
    memory = EngineLimits(max_num_seqs=256, kv_tokens=305_000)
    slo = SloBounds(ttft_seconds=3, tpot_seconds=0.1, percentile=90)
    assert timing.capacity(slo, fixed, memory).requests_per_second == pytest.approx(1.5, abs=0.1)


def test_llm_d_engine_is_filled_at_1555_requests_per_1000_seconds() -> None:
    assert QWEN3_32B_2XH100.memory_capacity(LLM_D_LENGTHS, ROOMY) == pytest.approx(1.555, rel=0.01)


def test_closed_forms_by_hand() -> None:
    timing = EngineTiming(0.01, 1e-4, 1e-7)
    shape = TokenLengths(input_tokens=1000, output_tokens=200, hit_ratio=0.5)
    assert timing.work_seconds(shape) == pytest.approx(0.05 + 1e-7 * 1100 * 200)
    assert timing.itl_seconds(5, shape) == pytest.approx(0.01 / (1 - 5 * 0.072))
    assert timing.running(5, shape) == pytest.approx(5 * 200 * 0.015625)
    assert timing.tpot_capacity(0.05, shape) == pytest.approx(0.8 / 0.072)
    assert timing.memory_capacity(shape, EngineLimits(max_num_seqs=16, kv_tokens=10**9)) == pytest.approx(
        16 / (200 * 0.01 + 16 * 0.072)
    )


def test_saturation_is_infinite_latency_not_an_error() -> None:
    shape = TokenLengths(input_tokens=1000, output_tokens=200)
    assert math.isinf(QWEN3_32B_2XH100.itl_seconds(1e6, shape))
    assert math.isinf(QWEN3_32B_2XH100.ttft_seconds(1e6, shape, ROOMY))
    assert math.isinf(QWEN3_32B_2XH100.e2e_seconds(1e6, shape, ROOMY))


@pytest.mark.parametrize(
    ("slo", "limit", "bound"),
    [
        (SloBounds(tpot_seconds=0.012), ROOMY, BindingLimit.TPOT),
        (SloBounds(ttft_seconds=0.1), ROOMY, BindingLimit.TTFT),
        (SloBounds(e2e_seconds=5.0), ROOMY, BindingLimit.E2E),
        (SloBounds(tpot_seconds=1), EngineLimits(max_num_seqs=128, kv_tokens=4999), BindingLimit.MEMORY),
    ],
)
def test_infeasible_names_its_bound(slo: SloBounds, limit: EngineLimits, bound: BindingLimit) -> None:
    capacity = QWEN3_32B_2XH100.capacity(slo, LLM_D_LENGTHS, limit)
    assert (capacity.requests_per_second, capacity.bound) == (0.0, bound)


def test_embeddings_are_bound_by_their_latency() -> None:
    encoder = EngineTiming(4e-3, 8e-6, 0.0)
    texts = TokenLengths(input_tokens=400, output_tokens=0)
    limit = EngineLimits(max_num_seqs=64, kv_tokens=200_000, max_num_batched_tokens=16_384)
    capacity = encoder.capacity(SloBounds(e2e_seconds=0.2), texts, limit)
    assert capacity.bound is BindingLimit.E2E
    assert 0 < capacity.requests_per_second < encoder.memory_capacity(texts, limit)
    assert encoder.e2e_seconds(0, texts, limit) == pytest.approx(4e-3 + 4e-3 + 400 * 8e-6)


def test_without_any_bound_the_engine_is_filled() -> None:
    capacity = QWEN3_32B_2XH100.capacity(SloBounds(), LLM_D_LENGTHS, ROOMY)
    assert capacity.bound is BindingLimit.MEMORY
    assert capacity.requests_per_second == QWEN3_32B_2XH100.memory_capacity(LLM_D_LENGTHS, ROOMY)


def test_nothing_to_do_is_unlimited() -> None:
    capacity = EngineTiming(0.01, 1e-5, 0.0).capacity(
        SloBounds(ttft_seconds=1), TokenLengths(input_tokens=0, output_tokens=0), ROOMY
    )
    assert math.isinf(capacity.requests_per_second)


@given(timing=timings, shape=lengths, limit=limits, slo=slos)
def test_capacity_is_the_highest_rate_at_which_every_bound_holds(
    timing: EngineTiming, shape: TokenLengths, limit: EngineLimits, slo: SloBounds
) -> None:
    capacity = timing.capacity(slo, shape, limit)
    rate = capacity.requests_per_second
    assert 0 <= rate <= min(timing.tpot_capacity(slo.tpot_seconds, shape), timing.memory_capacity(shape, limit))
    if 0 < rate < math.inf:
        assert meets_latencies(timing, shape, limit, slo, rate)
    above = rate + 1e-9 * min(timing.tpot_capacity(None, shape), timing.memory_capacity(shape, limit))
    if capacity.bound in (BindingLimit.TTFT, BindingLimit.E2E):
        assert not meets_latencies(timing, shape, limit, slo, above)
    else:
        assert above > min(timing.tpot_capacity(slo.tpot_seconds, shape), timing.memory_capacity(shape, limit)) or not rate


def meets_latencies(timing: EngineTiming, shape: TokenLengths, limit: EngineLimits, slo: SloBounds, rate: float) -> bool:
    first = timing.ttft_seconds(rate, shape, limit, percentile=slo.percentile)
    whole = timing.e2e_seconds(rate, shape, limit, percentile=slo.percentile)
    return first <= (slo.ttft_seconds or math.inf) and whole <= (slo.e2e_seconds or math.inf)


@given(timing=timings, shape=lengths, limit=limits, slo=slos, looser=st.floats(1, 10))
def test_a_looser_slo_never_costs_capacity(
    timing: EngineTiming, shape: TokenLengths, limit: EngineLimits, slo: SloBounds, looser: float
) -> None:
    relaxed = SloBounds(
        ttft_seconds=slo.ttft_seconds and slo.ttft_seconds * looser,
        tpot_seconds=slo.tpot_seconds and slo.tpot_seconds * looser,
        e2e_seconds=slo.e2e_seconds and slo.e2e_seconds * looser,
    )
    tight = timing.capacity(slo, shape, limit).requests_per_second
    assert timing.capacity(relaxed, shape, limit).requests_per_second >= tight


@given(
    timing=timings,
    shape=lengths,
    limit=limits,
    slo=slos,
    more_input=st.integers(0, 9999),
    more_output=st.integers(0, 9999),
)
def test_longer_requests_never_add_capacity(
    timing: EngineTiming, shape: TokenLengths, limit: EngineLimits, slo: SloBounds, more_input: int, more_output: int
) -> None:
    longer = TokenLengths(
        input_tokens=shape.input_tokens + more_input,
        output_tokens=shape.output_tokens + (more_output if shape.output_tokens else 0),
        hit_ratio=shape.hit_ratio,
        index_of_dispersion=shape.index_of_dispersion,
    )
    short = timing.capacity(slo, shape, limit).requests_per_second
    assert timing.capacity(slo, longer, limit).requests_per_second <= short * (1 + 1e-9)


@given(timing=timings, shape=lengths, limit=limits, bound=st.floats(0.05, 30))
def test_the_ttft_bound_holds_at_the_capacity_it_gives(
    timing: EngineTiming, shape: TokenLengths, limit: EngineLimits, bound: float
) -> None:
    slo = SloBounds(ttft_seconds=bound)
    rate = timing.capacity(slo, shape, limit).requests_per_second
    if rate > 0:
        assert timing.ttft_seconds(rate, shape, limit, percentile=slo.percentile) <= bound


@given(timing=timings, shape=lengths, limit=limits, slo=slos)
def test_a_lower_percentile_never_costs_capacity(
    timing: EngineTiming, shape: TokenLengths, limit: EngineLimits, slo: SloBounds
) -> None:
    median, tail = (timing.capacity(slo, shape, limit, percentile=percentile) for percentile in (50.0, 95.0))
    assert median.requests_per_second >= tail.requests_per_second
    assert tail == timing.capacity(slo, shape, limit)
