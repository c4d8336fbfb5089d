"""S3 and S9: several deployments on shared pools, several kinds of devices. Data only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchmark.environment.engines import (
    ENCODER_910B,
    QWEN32_910BX4,
    QWEN32_A100X4,
    QWEN32_H100X2,
    QWEN32_H100X4,
    R1_H200X8,
    placement,
)
from benchmark.scenarios.arrivals import DAY_SECONDS, Tokens
from benchmark.scenarios.scenario import Deployment, Pool, Scenario
from benchmark.scenarios.servegen_counts import ClientMix
from benchmark.scenarios.workloads import CHAT_TOKENS, CODE_TOKENS, INTERACTIVE, RELAXED, conversation, lengths_of
from modelmatrix.performance.engine_timing import SloBounds

if TYPE_CHECKING:
    from benchmark.scenarios.arrivals import CountedTrace
    from benchmark.scenarios.scenario import Placement

_RAG = Tokens(input=12_035, output=343)  # Mooncake's means
_REASONING = Tokens(input=800, output=2500)
_EMBEDDING = Tokens(input=300, output=0)


def _mix(tokens: Tokens, factor: float, *clients: int) -> ClientMix:
    """Two days of some ServeGen clients, from the trace's second Monday on."""
    return ClientMix(tokens=tokens, clients=clients, factor=factor, first_day=6, days=2)


def _model(name: str, arrivals: ClientMix, slo: SloBounds, priority: int, *placements: Placement) -> Deployment:
    return Deployment(
        name=name,
        arrivals=arrivals,
        lengths=lengths_of(arrivals.tokens),
        slo=slo,
        placements=placements,
        priority=priority,
    )


def bank() -> Scenario:
    """S3: five models of a bank, with clients that follow a working day."""
    h100 = placement("h100", QWEN32_H100X2, "h100")
    chat_slo, rag_slo = replace(RELAXED, ttft_seconds=2.0), replace(RELAXED, ttft_seconds=10.0)
    reasoning_slo = replace(INTERACTIVE, ttft_seconds=5.0)
    embedding_slo = SloBounds(e2e_seconds=0.5, percentile=99.0)
    ascend = placement("910b", QWEN32_910BX4, "910b")
    encoder = placement("encoder", ENCODER_910B, "910b", start_seconds=60.0)
    return Scenario(
        id="S3-bank",
        title="five models of a bank on shared pools",
        seconds=2 * DAY_SECONDS,
        train_seconds=DAY_SECONDS,
        pools=(Pool(name="h100", devices=96), Pool(name="h200", devices=64), Pool(name="910b", devices=64, price=0.25)),
        deployments=(
            _model("chat", _mix(CHAT_TOKENS, 3.0, 142, 15), chat_slo, 0, h100, ascend),
            _model("code", _mix(CODE_TOKENS, 10.0, 156, 48), INTERACTIVE, 1, h100),
            _model("rag", _mix(_RAG, 2.0, 31, 69), rag_slo, 2, placement("h100x4", QWEN32_H100X4, "h100")),
            _model(
                "reasoning",
                _mix(_REASONING, 3.0, 56),
                reasoning_slo,
                1,
                placement("h200", R1_H200X8, "h200", start_seconds=360.0),
            ),
            _model("embedding", _mix(_EMBEDDING, 30.0, 15, 156, 48, 69), embedding_slo, 0, encoder),
        ),
    )


def three_kinds() -> Scenario:
    """S9: three kinds of devices at three prices, and two classes of service; the best kind does not suffice for both."""
    h100, a100 = placement("h100", QWEN32_H100X2, "h100"), placement("a100", QWEN32_A100X4, "a100")
    ascend = placement("910b", QWEN32_910BX4, "910b")
    seconds = 2 * DAY_SECONDS

    def chat(name: str, slo: SloBounds, arrivals: CountedTrace, home: str, *placements: Placement) -> Deployment:
        return Deployment(
            name=name, arrivals=arrivals, lengths=lengths_of(CHAT_TOKENS), slo=slo, placements=placements, home=home
        )

    # Different days, so that the loads of the two classes do not move together.
    interactive = conversation(first_second=DAY_SECONDS, seconds=seconds)
    relaxed = conversation(first_second=3 * DAY_SECONDS, seconds=seconds)
    return Scenario(
        id="S9-variants",
        title="three kinds of devices, two classes",
        seconds=seconds,
        train_seconds=DAY_SECONDS,
        pools=(
            Pool(name="h100", devices=48, price=1.0),
            Pool(name="a100", devices=144, price=0.4),
            Pool(name="910b", devices=192, price=0.25),
        ),
        deployments=(
            chat("interactive", INTERACTIVE, interactive, "h100", h100, a100),
            chat("relaxed", RELAXED, relaxed, "a100", h100, a100, ascend),
        ),
    )
