"""What holds for an engine whatever arrives: nothing is lost, nothing comes before its cause, limits are kept."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming, SloBounds, TokenLengths
from modelmatrix.simulation.engine.replica import Replica
from modelmatrix.simulation.engine.request import Completed, Request

TIMING = EngineTiming(0.0128, 0.0238e-3, 65e-9)
LIMITS = EngineLimits(max_num_seqs=256, kv_tokens=305_000)

timings = st.builds(EngineTiming, st.floats(1e-3, 0.05), st.floats(0, 1e-3), st.floats(0, 1e-4))
limits = st.builds(
    EngineLimits,
    max_num_seqs=st.integers(1, 6),
    kv_tokens=st.integers(60, 160),
    max_num_batched_tokens=st.integers(6, 64),
)
traffic = st.lists(
    st.tuples(st.floats(0, 1), st.integers(1, 50), st.integers(0, 30), st.floats(0, 0.9)), min_size=1, max_size=30
)


def arrivals(gaps: list[tuple[float, int, int, float]]) -> list[Request]:
    now, requests = 0.0, []
    for gap, prompt, output, hit in gaps:
        now += gap
        requests.append(Request(now, prompt, output, hit))
    return requests


@given(timing=timings, limit=limits, gaps=traffic)
def test_nothing_is_lost_and_limits_are_kept(
    timing: EngineTiming, limit: EngineLimits, gaps: list[tuple[float, int, int, float]]
) -> None:
    replica, finished, submitted = Replica(timing, limit), 0, 0
    for request in arrivals(gaps):
        finished += len(replica.advance(request.arrival_seconds))
        submitted += replica.submit(request)
        assert submitted == finished + replica.running + replica.waiting
        assert replica.in_flight == replica.running + replica.waiting
        assert replica.running <= limit.max_num_seqs
        assert 0 <= replica.kv_usage_ratio <= 1
    finished += len(replica.drain())
    assert submitted == finished == replica.telemetry.finished
    assert submitted + replica.telemetry.rejected == len(gaps)
    assert (replica.running, replica.waiting, replica.kv_usage_ratio) == (0, 0, 0)


@given(timing=timings, limit=limits, gaps=traffic)
def test_effects_follow_causes(timing: EngineTiming, limit: EngineLimits, gaps: list[tuple[float, int, int, float]]) -> None:
    replica = Replica(timing, limit)
    for request in arrivals(gaps):
        replica.submit(request)
    done = replica.drain()
    for one in done:
        assert one.request.arrival_seconds <= one.received_seconds <= one.admitted_seconds
        assert one.admitted_seconds < one.first_token_seconds <= one.finished_seconds
        steps = max(1, one.request.output_tokens)
        assert one.finished_seconds - one.admitted_seconds >= steps * timing.alpha_seconds * (1 - 1e-9)
    times = [one.finished_seconds for one in done]
    assert times == sorted(times)


@given(timing=timings, limit=limits, gaps=traffic)
def test_no_request_finishes_before_the_earliest_completion(
    timing: EngineTiming, limit: EngineLimits, gaps: list[tuple[float, int, int, float]]
) -> None:
    asked, lazy = Replica(timing, limit), Replica(timing, limit)
    eager_done: list[Completed] = []
    lazy_done: list[Completed] = []
    for request in arrivals(gaps):
        eager_done += asked.advance(request.arrival_seconds)
        if lazy.earliest_completion_seconds <= request.arrival_seconds:
            lazy_done += lazy.advance(request.arrival_seconds)
        assert lazy.in_flight == asked.in_flight
        assert asked.submit(request) == lazy.submit(request)
    assert [one.request for one in eager_done + asked.drain()] == [one.request for one in lazy_done + lazy.drain()]


@given(timing=timings, limit=limits, gaps=traffic)
def test_telemetry_counts_what_happened(
    timing: EngineTiming, limit: EngineLimits, gaps: list[tuple[float, int, int, float]]
) -> None:
    replica = Replica(timing, limit)
    for request in arrivals(gaps):
        replica.submit(request)
    done, seen = replica.drain(), replica.telemetry
    generating = [one for one in done if one.request.output_tokens]
    assert seen.generation_tokens == sum(one.request.output_tokens for one in done)
    assert seen.prompt_tokens == seen.prompt_lengths.total == sum(one.request.input_tokens for one in done)
    assert seen.ttft.count == len(generating)
    assert seen.ttft.total == pytest.approx(math.fsum(one.ttft_seconds for one in generating))
    # Between two tokens of a request there is one latency, and together they are its decode time.
    assert seen.inter_token.count == sum(one.request.output_tokens - 1 for one in generating)
    assert seen.inter_token.total == pytest.approx(seen.decode.total)
    assert seen.e2e.total == pytest.approx(seen.queue.total + seen.inference.total)
    assert seen.inference.total == pytest.approx(seen.prefill.total + seen.decode.total)


def test_one_request_alone_takes_the_time_of_its_steps() -> None:
    replica = Replica(EngineTiming(0.01, 1e-4, 1e-6), EngineLimits(max_num_seqs=4, kv_tokens=1000))
    replica.submit(Request(5.0, 100, 3))
    (done,) = replica.drain()
    assert done.ttft_seconds == pytest.approx(0.01 + 0.01)
    assert done.finished_seconds - done.first_token_seconds == pytest.approx(2 * 0.01 + 1e-6 * (101 + 102))
    assert done.tpot_seconds == pytest.approx(0.01 + 1e-6 * 101.5)


def test_a_cached_prefix_is_not_computed_again() -> None:
    replica = Replica(EngineTiming(0.01, 1e-4, 0.0), EngineLimits(max_num_seqs=4, kv_tokens=1000))
    replica.submit(Request(0.0, 100, 1, hit_ratio=0.6))
    assert replica.drain()[0].ttft_seconds == pytest.approx(0.01 + 40 * 1e-4)
    assert (replica.telemetry.prefix_hits, replica.telemetry.cached_tokens) == (60, 60)


def test_the_last_prompt_token_is_always_computed() -> None:
    replica = Replica(EngineTiming(0.01, 1e-3, 0.0), EngineLimits(max_num_seqs=4, kv_tokens=1000))
    replica.submit(Request(0.0, 100, 1, hit_ratio=1.0))
    assert replica.drain()[0].ttft_seconds == pytest.approx(0.01 + 1e-3)


def test_an_embedding_finishes_with_its_prompt() -> None:
    replica = Replica(EngineTiming(0.01, 1e-4, 0.0), EngineLimits(max_num_seqs=4, kv_tokens=1000))
    replica.submit(Request(0.0, 100, 0))
    (done,) = replica.drain()
    assert done.e2e_seconds == pytest.approx(0.02)
    assert done.tpot_seconds == 0
    assert replica.telemetry.ttft.count == 0


def test_long_prompts_are_chunked_and_decoding_goes_on_beside_them() -> None:
    limits = EngineLimits(max_num_seqs=4, kv_tokens=10_000, max_num_batched_tokens=100)
    replica = Replica(EngineTiming(0.01, 1e-4, 0.0), limits)
    replica.submit(Request(0.0, 10, 200))
    replica.submit(Request(0.5, 990, 1))
    replica.advance(0.55)
    assert (replica.running, replica.waiting) == (2, 0)
    done = {one.request.input_tokens: one for one in replica.drain()}
    # 990 tokens in chunks of 99, since the decoding request takes one token of each step's budget.
    assert done[990].first_token_seconds - done[990].admitted_seconds == pytest.approx(10 * (0.01 + 99e-4))


def test_the_cache_overflows_and_the_last_admitted_starts_over() -> None:
    limits = EngineLimits(max_num_seqs=4, kv_tokens=100)
    replica = Replica(EngineTiming(0.01, 0.0, 0.0), limits)
    for arrival in (0.0, 0.001):
        replica.submit(Request(arrival, 30, 40))
    first, second = replica.drain()
    assert (first.preemptions, second.preemptions) == (0, 1)
    assert replica.telemetry.preemptions == 1
    assert second.finished_seconds > first.finished_seconds + 0.1


def test_requests_that_never_fit_are_rejected() -> None:
    replica = Replica(TIMING, EngineLimits(max_num_seqs=4, kv_tokens=100))
    assert not replica.submit(Request(0.0, 90, 20))
    assert replica.telemetry.rejected == 1
    assert replica.drain() == []


def test_a_slower_engine_takes_longer_from_its_next_step_on() -> None:
    replica = Replica(EngineTiming(0.01, 0.0, 0.0), EngineLimits(max_num_seqs=4, kv_tokens=1000))
    replica.submit(Request(0.0, 10, 10))
    replica.advance(0.05)
    replica.slow_down(2.0)
    assert replica.drain()[0].finished_seconds == pytest.approx(5 * 0.01 + 5 * 0.02)


def test_time_does_not_run_backwards() -> None:
    replica = Replica(TIMING, LIMITS)
    replica.advance(10.0)
    with pytest.raises(ValueError, match="engine is at"):
        replica.submit(Request(9.0, 10, 10))


def test_a_prompt_has_a_token() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Replica(TIMING, LIMITS).submit(Request(0.0, 0, 10))


@pytest.mark.parametrize(
    ("timing", "limit"),
    [
        (EngineTiming(0.0, 1e-4, 0.0), LIMITS),
        (TIMING, EngineLimits(max_num_seqs=16, kv_tokens=100, max_num_batched_tokens=8)),
    ],
)
def test_impossible_engines_are_refused(timing: EngineTiming, limit: EngineLimits) -> None:
    with pytest.raises(ValueError, match=r"max_num_batched_tokens|must take time"):
        Replica(timing, limit)


def test_the_closed_form_predicts_the_engine() -> None:
    shape = TokenLengths(input_tokens=1155, output_tokens=211)
    replica, rate = Replica(TIMING, LIMITS), 10.0
    for number in range(6000):
        replica.submit(Request(number / rate, 1155, 211))
    replica.drain()
    seen = replica.telemetry
    assert seen.inter_token.total / seen.inter_token.count == pytest.approx(TIMING.itl_seconds(rate, shape), rel=0.03)


def test_meets_is_the_joint_attainment() -> None:
    done = Completed(Request(1.0, 10, 11), 2.0, 2.0, 3.0, 4.0, 0)
    assert (done.ttft_seconds, done.tpot_seconds, done.e2e_seconds) == (2.0, 0.1, 3.0)
    assert done.meets(SloBounds(ttft_seconds=2.0, tpot_seconds=0.1, e2e_seconds=3.0))
    assert not done.meets(SloBounds(ttft_seconds=1.9))
    assert not done.meets(SloBounds(tpot_seconds=0.09))
    assert not done.meets(SloBounds(e2e_seconds=2.9))
    assert done.meets(SloBounds())
