"""Which prompts an engine computes in its next step: the one begun before, then the queue in order of arrival.

The head of the queue is never passed over for a smaller request behind it. Pure: it moves nothing.
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
    """What a step has left for prompts: token budget, slots of the batch, tokens of the KV cache."""

    budget_tokens: int
    slots: int
    kv_tokens: int

    def chunk(self, sequence: Sequence) -> Chunk:
        """Take as much of a prompt as the budget allows."""
        tokens = min(sequence.prompt_left, self.budget_tokens)
        self.budget_tokens -= tokens
        self.slots -= 1
        return Chunk(sequence, tokens)

    def admits(self, sequence: Sequence) -> bool:
        """Whether a waiting request can begin: its whole prompt must fit, or it would be preempted at once."""
        return self.budget_tokens > 0 and self.slots > 0 and sequence.context <= self.kv_tokens


def prompt_chunks(
    partial: Sequence | None, waiting: Iterable[Sequence], room: TokenBudget, *, start_seconds: float
) -> list[Chunk]:
    """The prompts of a step that starts at a time, with the tokens to compute of each; empty if there are none."""
    chunks = [room.chunk(partial)] if partial is not None else []
    for sequence in waiting:
        if sequence.received_seconds > start_seconds or not room.admits(sequence):
            break
        room.kv_tokens -= sequence.context
        chunks.append(room.chunk(sequence))
    return chunks
