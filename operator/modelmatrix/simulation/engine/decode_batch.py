"""The requests of an engine that are decoding: who finishes next, and how many KV tokens all of them hold.

Progress is one count of decode steps for all, so that growing by any number of steps costs the same.
It must not know about prompts, queues or time.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelmatrix.simulation.engine.sequence import Sequence


class DecodeBatch:
    """Decoding requests, each of which gets one token per step."""

    __slots__ = ("_heap", "_joined", "_steps", "kv_tokens")

    def __init__(self) -> None:
        # Entries: (step after which it has finished, order of joining, sequence).
        self._heap: list[tuple[int, int, Sequence]] = []
        self._steps = self._joined = 0
        self.kv_tokens = 0

    def __len__(self) -> int:
        """Number of requests that are decoding."""
        return len(self._heap)

    def __iter__(self) -> Iterator[Sequence]:
        """The requests in no particular order."""
        return (sequence for _, _, sequence in self._heap)

    @property
    def steps_to_finish(self) -> int:
        """Steps until the next request has all its tokens. The batch must not be empty."""
        return self._heap[0][0] - self._steps

    def join(self, sequence: Sequence, tokens_left: int) -> None:
        """Add a request whose prompt is computed and whose first token is out."""
        self._joined += 1
        self.kv_tokens += sequence.context
        heappush(self._heap, (self._steps + tokens_left, self._joined, sequence))

    def grow(self, steps: int) -> list[Sequence]:
        """Give every request its tokens of some steps; take out those that have all of theirs, in order of joining."""
        heap = self._heap
        self._steps += steps
        self.kv_tokens += steps * len(heap)
        finished = []
        while heap and heap[0][0] == self._steps:
            sequence = heappop(heap)[2]
            # The token that was made last has no entry in the KV cache yet.
            sequence.context = sequence.request.input_tokens + sequence.request.output_tokens - 1
            self.kv_tokens -= sequence.context
            finished.append(sequence)
        return finished

    def pop_last(self) -> tuple[Sequence, int]:
        """Take out the request that joined last, and how many tokens it had generated."""
        entry = max(self._heap, key=lambda item: item[1])
        self._heap.remove(entry)
        heapify(self._heap)
        finish, _, sequence = entry
        generated = sequence.request.output_tokens - (finish - self._steps)
        self.kv_tokens -= sequence.request.input_tokens + generated - 1
        return sequence, generated
