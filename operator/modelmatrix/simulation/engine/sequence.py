"""The progress of a request inside an engine: its computed tokens and its times. The replica updates it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelmatrix.simulation.engine.request import Completed

if TYPE_CHECKING:
    from modelmatrix.simulation.engine.request import Request


class Sequence:
    """The progress of one request.

    ``prompt_left`` are prompt tokens still to compute, ``context`` is the tokens that it needs in the KV cache when its prompt
    is complete, ``cached`` its tokens in the prefix cache. Times are -1.0 until they are known.
    """

    __slots__ = (
        "admitted_seconds",
        "cached",
        "context",
        "first_token_seconds",
        "generated",
        "last_token_seconds",
        "preemptions",
        "prompt_left",
        "received_seconds",
        "request",
    )

    def __init__(self, request: Request, received_seconds: float) -> None:
        self.request = request
        self.received_seconds = received_seconds
        self.admitted_seconds = self.first_token_seconds = self.last_token_seconds = -1.0
        self.generated = self.preemptions = 0
        tokens = request.input_tokens
        # An engine always computes the last prompt token: its logits are the first output.
        self.cached = min(int(tokens * request.hit_ratio), tokens - 1) if request.hit_ratio else 0
        self.context = tokens
        self.prompt_left = tokens - self.cached

    def preempt(self, generated: int) -> None:
        """Reset for recomputation: the generated tokens become part of the prompt; only the cached prefix is not recomputed."""
        self.preemptions += 1
        self.generated = generated
        self.context = self.request.input_tokens + generated
        self.prompt_left = self.context - self.cached

    def completed(self, finished_seconds: float) -> Completed:
        """The record of the finished request."""
        return Completed(
            self.request,
            self.received_seconds,
            self.admitted_seconds,
            self.first_token_seconds,
            finished_seconds,
            self.preemptions,
        )
