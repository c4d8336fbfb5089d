"""The decoding requests of an engine, and the duration of a block of decode steps.

Every request gets one token per step, so progress is one step counter for the batch: a heap by finishing step gives the
next request to finish, and advancing by any number of steps costs the same.

Between two events only the KV cache grows. With ``n`` requests decoding, step ``j = 1, 2, ...`` of a block lasts ``base +
growth * j`` seconds, where ``base`` is alpha plus gamma times the KV tokens before the block, and ``growth`` is gamma times
``n``. The functions below are the closed forms of the sum and of its inverse. No prompts, queues or clocks here.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelmatrix.simulation.engine.sequence import Sequence


class DecodeBatch:
    """Decoding requests, each of which gets one token per step; ``kv_tokens`` is what all of them hold in the KV cache."""

    __slots__ = ("_heap", "_joined", "_steps", "kv_tokens")

    def __init__(self) -> None:
        # Entries: (step that finishes the request, order of joining, sequence).
        self._heap: list[tuple[int, int, Sequence]] = []
        self._steps = self._joined = 0
        self.kv_tokens = 0

    def __len__(self) -> int:
        """Number of requests that are decoding."""
        return len(self._heap)

    def __iter__(self) -> Iterator[Sequence]:
        """The requests in no defined order."""
        return (sequence for _, _, sequence in self._heap)

    @property
    def steps_to_finish(self) -> int:
        """Steps until the next request has all its tokens. The batch must not be empty."""
        return self._heap[0][0] - self._steps

    def join(self, sequence: Sequence, tokens_left: int) -> None:
        """Add a request whose prompt is computed, whose first token is emitted and that has ``tokens_left`` to decode."""
        self._joined += 1
        self.kv_tokens += sequence.context
        heappush(self._heap, (self._steps + tokens_left, self._joined, sequence))

    def advance(self, steps: int) -> list[Sequence]:
        """Advance by at most ``steps_to_finish`` steps; removes and returns the finished requests in joining order."""
        heap = self._heap
        self._steps += steps
        self.kv_tokens += steps * len(heap)
        finished = []
        while heap and heap[0][0] == self._steps:
            sequence = heappop(heap)[2]
            # The last token has no entry in the KV cache yet.
            sequence.context = sequence.request.input_tokens + sequence.request.output_tokens - 1
            self.kv_tokens -= sequence.context
            finished.append(sequence)
        return finished

    def pop_last(self) -> tuple[Sequence, int]:
        """Remove the request that joined last; returns it and the number of tokens that it has generated."""
        entry = max(self._heap, key=lambda entry: entry[1])
        self._heap.remove(entry)
        heapify(self._heap)
        finish, _, sequence = entry
        generated = sequence.request.output_tokens - (finish - self._steps)
        self.kv_tokens -= sequence.request.input_tokens + generated - 1
        return sequence, generated


def block_seconds(steps: int, base_seconds: float, growth_seconds: float) -> float:
    """Seconds that the first ``steps`` steps of a block take."""
    return steps * base_seconds + growth_seconds * (steps * (steps + 1) // 2)


def steps_ending_by(limit_seconds: float, start_seconds: float, base_seconds: float, growth_seconds: float) -> int:
    """The number of steps that end at or before a time: the largest ``m`` with ``start + block_seconds(m) <= limit``."""
    span = limit_seconds - start_seconds
    if span < base_seconds:
        return 0
    linear = base_seconds + growth_seconds * 0.5
    # The root of the quadratic in the form without cancellation and without a division by growth, which may be zero.
    steps = int(2.0 * span / (linear + sqrt(linear * linear + 2.0 * growth_seconds * span)))
    while steps and start_seconds + block_seconds(steps, base_seconds, growth_seconds) > limit_seconds:
        steps -= 1
    while start_seconds + block_seconds(steps + 1, base_seconds, growth_seconds) <= limit_seconds:
        steps += 1
    return steps


def steps_reaching(target_seconds: float, start_seconds: float, base_seconds: float, growth_seconds: float) -> int:
    """The number of steps until a time is reached: the smallest ``m`` with ``start + block_seconds(m) >= target``."""
    steps = steps_ending_by(target_seconds, start_seconds, base_seconds, growth_seconds)
    if start_seconds + block_seconds(steps, base_seconds, growth_seconds) < target_seconds:
        steps += 1
    return steps
