"""Selects the prompt chunks of an engine's next step: first the partly computed prompt, then the queue in arrival order.

The head of the queue is never passed over for a smaller request behind it. Pure: the caller moves the requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelmatrix.simulation.engine.sequence import Sequence


class Chunk(NamedTuple):
    """Prompt tokens of one request that a step computes."""

    sequence: Sequence
    tokens: int


@dataclass(slots=True)
class TokenBudget:
    """The capacity that a step has left for prompts: its token budget, batch slots and KV cache tokens."""

    budget_tokens: int
    slots: int
    kv_tokens: int

    def chunk(self, sequence: Sequence) -> Chunk:
        """Use the budget for as many tokens of a prompt as possible, and one slot."""
        tokens = min(sequence.prompt_left, self.budget_tokens)
        self.budget_tokens -= tokens
        self.slots -= 1
        return Chunk(sequence, tokens)

    def admits(self, sequence: Sequence) -> bool:
        """Whether a waiting request can be admitted; its whole prompt must fit into the KV cache, or it would be preempted."""
        return self.budget_tokens > 0 and self.slots > 0 and sequence.context <= self.kv_tokens


def prompt_chunks(
    partial: Sequence | None, waiting: Iterable[Sequence], budget: TokenBudget, *, start_seconds: float
) -> list[Chunk]:
    """The prompt chunks of a step that starts at ``start_seconds``; empty for a pure decode step."""
    chunks = [budget.chunk(partial)] if partial is not None else []
    for sequence in waiting:
        if sequence.received_seconds > start_seconds or not budget.admits(sequence):
            break
        budget.kv_tokens -= sequence.context
        chunks.append(budget.chunk(sequence))
    return chunks
