"""Building blocks of scenarios: token lengths, SLOs, the two weeks of the Azure traces, and a model that serves them."""

from __future__ import annotations

from typing import Any

from benchmark.environment.engines import QWEN32_H100X2, placement
from benchmark.scenarios.arrivals import DAY_SECONDS, CountedTrace, Tokens
from benchmark.scenarios.scenario import Arrivals, Deployment
from modelmatrix.performance.engine_timing import SloBounds, TokenLengths

MONDAY = 3 * DAY_SECONDS  # of the coding trace, which begins on a Friday; its working days rise from 11:00 to 15:00
CODE_TOKENS = Tokens(input=2048, output=28)
CHAT_TOKENS = Tokens(input=1155, output=211)
INTERACTIVE = SloBounds(ttft_seconds=2.0, tpot_seconds=0.05, percentile=99.0)
RELAXED = SloBounds(ttft_seconds=5.0, tpot_seconds=0.1, percentile=99.0)


def lengths_of(tokens: Tokens) -> TokenLengths:
    """The mean lengths of requests with equal lengths."""
    return TokenLengths(input_tokens=tokens.input, output_tokens=tokens.output, length_cv=0.0)


def coding(*, factor: float = 1.5, **more: Any) -> CountedTrace:
    """Azure's coding trace, which follows working days."""
    return CountedTrace(file="azure/azure2024_coding_10s_counts.csv.gz", tokens=CODE_TOKENS, factor=factor, **more)


def conversation(**more: Any) -> CountedTrace:
    """Azure's conversation trace; it begins on a Sunday."""
    return CountedTrace(file="azure/azure2024_conversation_10s_counts.csv.gz", tokens=CHAT_TOKENS, factor=2.0, **more)


def one_model(arrivals: Arrivals, tokens: Tokens, *, start_seconds: float = 180.0) -> Deployment:
    """A 32B model on pairs of H100 in an unlimited pool."""
    return Deployment(
        name="model",
        arrivals=arrivals,
        lengths=lengths_of(tokens),
        slo=INTERACTIVE,
        placements=(placement("h100", QWEN32_H100X2, "devices", start_seconds=start_seconds),),
    )
