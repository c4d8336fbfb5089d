"""The tails that the closed forms promise, against the engine simulated request by request."""

# ruff: noqa: S311 - seeded draws, no secrets

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming, TokenLengths
from modelmatrix.performance.queueing import WaitTime, many_server_wait, single_server_wait
from modelmatrix.simulation.engine.replica import Replica
from modelmatrix.simulation.engine.request import Completed, Request

CHAT = EngineTiming(12.8e-3, 0.0238e-3, 65e-9)
CHAT_LIMITS = EngineLimits(max_num_seqs=256, kv_tokens=305_000)
ENCODER = EngineTiming(5e-3, 1e-5, 0.0)
ENCODER_LIMITS = EngineLimits(max_num_seqs=256, kv_tokens=305_000, max_num_batched_tokens=16_384)


def served(
    timing: EngineTiming, limits: EngineLimits, lengths: TokenLengths, rate: float, number: int = 6000
) -> list[Completed]:
    random, replica, now = Random(1), Replica(timing, limits), 0.0
    for _ in range(number):
        now += random.expovariate(rate)
        prompt = random.expovariate(1 / lengths.input_tokens) if lengths.length_cv else lengths.input_tokens
        replica.submit(Request(now, max(1, int(prompt)), int(lengths.output_tokens)))
    return replica.drain()[number // 10 :]


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(share / 100 * len(values))]


@pytest.mark.parametrize(
    ("rate", "prompt", "output", "length_cv"),
    [
        (8, 1155, 211, 0),
        (14, 1155, 211, 0),
        (0.5, 8000, 200, 0),
        (1.5, 8000, 200, 0),
        (0.5, 8000, 200, 1),
        (1.5, 8000, 200, 1),
        (1.0, 4000, 1000, 0),
    ],
)
def test_ttft_mean_within_a_sixth_and_p95_within_a_third(rate: float, prompt: int, output: int, length_cv: float) -> None:
    lengths = TokenLengths(input_tokens=prompt, output_tokens=output, length_cv=length_cv)
    seen = [one.ttft_seconds for one in served(CHAT, CHAT_LIMITS, lengths, rate)]
    assert CHAT.ttft_seconds(rate, lengths, CHAT_LIMITS) == pytest.approx(sum(seen) / len(seen), rel=1 / 6)
    closed = CHAT.ttft_seconds(rate, lengths, CHAT_LIMITS, percentile=95)
    assert closed == pytest.approx(percentile(seen, 95), rel=1 / 3)


def test_close_to_full_memory_the_tail_is_seconds_long() -> None:
    timing = EngineTiming(12.8e-3, 0.063e-3, 65e-9)
    lengths = TokenLengths(input_tokens=4000, output_tokens=1000, length_cv=0)
    seen = [one.ttft_seconds for one in served(timing, CHAT_LIMITS, lengths, 1.2, number=3000)]
    closed = timing.ttft_seconds(1.2, lengths, CHAT_LIMITS, percentile=95)
    assert closed == pytest.approx(percentile(seen, 95), rel=1 / 3)
    assert closed > 3


@pytest.mark.parametrize("rate", [20, 50, 100, 150])
def test_embeddings_of_varying_length(rate: float) -> None:
    texts = TokenLengths(input_tokens=512, output_tokens=0, length_cv=1)
    seen = [one.e2e_seconds for one in served(ENCODER, ENCODER_LIMITS, texts, rate, number=20_000)]
    closed = ENCODER.e2e_seconds(rate, texts, ENCODER_LIMITS, percentile=95)
    assert closed == pytest.approx(percentile(seen, 95), rel=1 / 3)


@pytest.mark.parametrize("rate", [4, 8, 12, 16])
def test_mean_tpot_is_as_predicted(rate: float) -> None:
    lengths = TokenLengths(input_tokens=1155, output_tokens=211, length_cv=0)
    seen = [one.tpot_seconds for one in served(CHAT, CHAT_LIMITS, lengths, rate, number=12_000)]
    assert CHAT.itl_seconds(rate, lengths) == pytest.approx(sum(seen) / len(seen), rel=0.03)


def test_one_exponential_server_is_the_textbook_queue() -> None:
    wait = single_server_wait(0.8, 1.0, 1.0)
    assert wait.mean_seconds == pytest.approx(4.0)
    assert wait.at(None) == wait.mean_seconds
    assert wait.at(95) == pytest.approx(5.0 * 2.7726, rel=1e-4)  # (1 / (1 - rho)) * ln(rho / 0.05)
    assert many_server_wait(0.8, 1.0, 1.0, 1.0).mean_seconds == pytest.approx(4.0)


def test_a_percentile_below_the_chance_to_wait_is_no_wait() -> None:
    assert WaitTime(1.0, 0.04).at(95) == 0


@given(load=st.floats(0.01, 0.98), servers=st.floats(1, 500))
def test_more_servers_wait_less(load: float, servers: float) -> None:
    few = many_server_wait(load, 1.0, servers, 1.0)
    many = many_server_wait(load, 1.0, servers * 2, 1.0)
    assert many.mean_seconds <= few.mean_seconds
    assert many.at(95) <= few.at(95)
