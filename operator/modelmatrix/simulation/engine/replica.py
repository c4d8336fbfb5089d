"""One engine replica with continuous batching, simulated request by request.

The scheduler follows vLLM's v1 scheduler in outline:

1. Every step gives each decoding request one token, then fills the rest of the step's token budget with prompt chunks, in
   order of arrival (chunked prefill). A prompt that does not fit continues in the next step, before all others.
2. A request is admitted when a batch slot is free and the KV cache has space for its whole prompt. The head of the queue
   is never passed over.
3. When the next token of all requests does not fit into the KV cache, the request admitted last is preempted: it returns to
   the head of the queue, and its prompt and generated tokens are computed again.
4. :class:`EngineTiming` gives the duration of each step: alpha + beta * prompt tokens + gamma * KV tokens.

Between two events (arrival, finish, overflow) all steps are pure decode steps. They are taken as one block in closed form
(see :mod:`.decode_batch`), so the cost is per request and not per token. The caller drives the time with ``advance``; this
module reads no clock and knows nothing about pods, routers or other replicas.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING

from modelmatrix.performance.engine_timing import EngineTiming
from modelmatrix.simulation.engine.decode_batch import DecodeBatch, block_seconds, steps_ending_by, steps_reaching
from modelmatrix.simulation.engine.metrics import Buckets, EngineTelemetry
from modelmatrix.simulation.engine.sequence import Sequence
from modelmatrix.simulation.engine.token_budget import TokenBudget, prompt_chunks

if TYPE_CHECKING:
    from modelmatrix.performance.engine_timing import EngineLimits
    from modelmatrix.simulation.engine.request import Completed, Request
    from modelmatrix.simulation.engine.token_budget import Chunk


class Replica:
    """A running engine. Callers must ``submit`` in order of arrival and ``advance`` in order of time, in seconds."""

    def __init__(
        self, timing: EngineTiming, limits: EngineLimits, *, start_seconds: float = 0.0, buckets: Buckets | None = None
    ) -> None:
        """Start an idle engine.

        Raises:
            ValueError: a step takes no time, or the token budget of a step is smaller than the number of slots.
        """
        if timing.alpha_seconds <= 0:
            raise ValueError(f"alpha_seconds is {timing.alpha_seconds}: a step must take time")
        if limits.max_num_batched_tokens < limits.max_num_seqs:
            raise ValueError("max_num_batched_tokens is below max_num_seqs: prompts would never get a share of a step")
        self._timing, self._limits = timing, limits
        self.telemetry = EngineTelemetry(buckets or Buckets())
        self._clock = self._advanced_to = start_seconds
        self._waiting: deque[Sequence] = deque()
        # At most one prompt is computed in part: it has used up the token budget of its step.
        self._partial_prefill: Sequence | None = None
        self._decoding = DecodeBatch()
        self._reserved_kv_tokens = 0
        self._shortest_waiting: float = inf
        self._completed: list[Completed] = []
        self.in_flight = 0
        # No request finishes before this time, whatever else arrives: a router need not advance the replica earlier.
        self.earliest_completion_seconds = inf

    @property
    def running(self) -> int:
        """Requests in the batch: decoding, or with a partly computed prompt."""
        return len(self._decoding) + (self._partial_prefill is not None)

    @property
    def waiting(self) -> int:
        """Requests that have arrived and are not in the batch, as of the last ``advance``."""
        return sum(sequence.received_seconds <= self._advanced_to for sequence in self._waiting)

    @property
    def kv_usage_ratio(self) -> float:
        """Share of the KV cache in use, 0 to 1."""
        return self._reserved_kv_tokens / self._limits.kv_tokens

    @property
    def idle_since_seconds(self) -> float:
        """End of the last step taken; the engine has been idle since then if nothing is in flight."""
        return self._clock

    def unfinished(self) -> list[Request]:
        """The requests in flight, which are lost if the engine fails now."""
        partial = [] if self._partial_prefill is None else [self._partial_prefill]
        return [sequence.request for sequence in (*self._decoding, *partial, *self._waiting)]

    def slow_down(self, alpha_factor: float) -> None:
        """Multiply alpha, the fixed part of every later step, as a throttled or contended accelerator does."""
        timing = self._timing
        self._timing = EngineTiming(
            timing.alpha_seconds * alpha_factor, timing.beta_seconds_per_token, timing.gamma_seconds_per_kv_token
        )
        self._set_earliest_completion()

    def submit(self, request: Request, received_seconds: float | None = None) -> bool:
        """Queue a request at its arrival, or at ``received_seconds``; False if it can never fit into the KV cache.

        Raises:
            ValueError: the request has no prompt, or its time is before the last ``advance`` or the last request.
        """
        if request.input_tokens < 1:
            raise ValueError(f"request with {request.input_tokens} input tokens: a prompt has at least one")
        received = request.arrival_seconds if received_seconds is None else received_seconds
        earliest = self._waiting[-1].received_seconds if self._waiting else self._advanced_to
        if received < max(earliest, self._advanced_to):
            raise ValueError(f"request received at {received} s, but the engine is at {max(earliest, self._advanced_to)} s")
        if request.input_tokens + request.output_tokens > self._limits.kv_tokens:
            self.telemetry.rejected += 1
            return False
        self._waiting.append(Sequence(request, received))
        self.in_flight += 1
        self._shortest_waiting = min(self._shortest_waiting, request.output_tokens)
        self._set_earliest_completion()
        return True

    def advance(self, until_seconds: float) -> list[Completed]:
        """Run every step that ends by a time; returns the requests that finished, in order of finishing."""
        if self.in_flight:
            while self._step(until_seconds):
                pass
            self._set_earliest_completion()
        self._advanced_to = max(self._advanced_to, until_seconds)
        completed, self._completed = self._completed, []
        return completed

    def advance_to_completion(self) -> list[Completed]:
        """Run until at least one request finishes; returns those that do, or none if nothing is in flight."""
        while not self._completed and self._step(inf):
            pass
        return self.advance(self._clock)

    def drain(self) -> list[Completed]:
        """Run until no request is in flight; returns the requests that finished."""
        completed = self.advance(inf)
        self._advanced_to = self._clock
        return completed

    def _step(self, until: float) -> bool:
        """Run one mixed step or one block of decode steps; False if none ends by ``until``."""
        start, waiting, decoding = self._clock, self._waiting, self._decoding
        head = waiting[0] if waiting else None
        number = len(decoding)
        if not number and self._partial_prefill is None:
            if head is None:
                return False
            start = max(start, head.received_seconds)
        if self._reserved_kv_tokens + number > self._limits.kv_tokens:
            self._preempt()
            return True
        if self._partial_prefill is not None or (head is not None and head.received_seconds <= start):
            budget = TokenBudget(
                budget_tokens=self._limits.max_num_batched_tokens - number,
                slots=self._limits.max_num_seqs - number,
                kv_tokens=self._limits.kv_tokens - self._reserved_kv_tokens - number,
            )
            chunks = prompt_chunks(self._partial_prefill, waiting, budget, start_seconds=start)
            if chunks:
                return self._take_mixed_step(chunks, start, until)
        return self._take_decode_steps(start, until)

    def _take_decode_steps(self, start: float, until: float) -> bool:
        """Decode until a request finishes, the next one arrives, the KV cache is full, or ``until`` is reached."""
        decoding, timing = self._decoding, self._timing
        number = len(decoding)
        base = timing.alpha_seconds + timing.gamma_seconds_per_kv_token * decoding.kv_tokens
        growth = timing.gamma_seconds_per_kv_token * number
        steps = decoding.steps_to_finish
        if self._reserved_kv_tokens + steps * number > self._limits.kv_tokens:
            steps = (self._limits.kv_tokens - self._reserved_kv_tokens) // number
        end = start + block_seconds(steps, base, growth)
        if self._waiting and start < self._waiting[0].received_seconds < end:
            steps = min(steps, steps_reaching(self._waiting[0].received_seconds, start, base, growth))
            end = start + block_seconds(steps, base, growth)
        if end > until:
            steps = steps_ending_by(until, start, base, growth)
            if not steps:
                return False
            end = start + block_seconds(steps, base, growth)
        telemetry = self.telemetry
        telemetry.inter_token.observe_ramp(base + growth, base + growth * steps, steps, number)
        telemetry.iteration_tokens.observe(number, steps)
        telemetry.generation_tokens += number * steps
        self._clock = end
        self._advance_decoding(steps)
        return True

    def _take_mixed_step(self, chunks: list[Chunk], start: float, until: float) -> bool:
        """Run one step that also computes prompts; False if it ends after ``until``."""
        number = len(self._decoding)
        prompt_tokens = sum(tokens for _, tokens in chunks)
        context = sum(sequence.context - sequence.prompt_left for sequence, _ in chunks)
        kv_tokens = self._decoding.kv_tokens + number + context
        seconds = self._timing.step_seconds(prompt_tokens, kv_tokens)
        end = start + seconds
        if end > until:
            return False
        self._clock = end
        telemetry = self.telemetry
        if number:
            telemetry.inter_token.observe(seconds, number)
            telemetry.generation_tokens += number
            self._advance_decoding(1)
        first_tokens = sum(self._compute_prompt(sequence, tokens, start, end) for sequence, tokens in chunks)
        telemetry.iteration_tokens.observe(number + prompt_tokens + first_tokens)
        return True

    def _compute_prompt(self, sequence: Sequence, tokens: int, start: float, end: float) -> bool:
        """Compute prompt tokens of a request; whether that completed its prompt and emitted a token."""
        if sequence is not self._partial_prefill:
            self._admit(sequence, start)
        sequence.prompt_left -= tokens
        if sequence.prompt_left > 0:
            self._partial_prefill = sequence
            return False
        if sequence is self._partial_prefill:
            self._partial_prefill = None
        self._emit_first_token(sequence, end)
        return sequence.request.output_tokens > 0

    def _admit(self, sequence: Sequence, start: float) -> None:
        """Move the head of the queue into the batch."""
        self._waiting.popleft()
        self._reserved_kv_tokens += sequence.context
        self.telemetry.prefix_queries += sequence.context
        self.telemetry.prefix_hits += sequence.cached
        if sequence.admitted_seconds < 0:
            sequence.admitted_seconds = start

    def _emit_first_token(self, sequence: Sequence, end: float) -> None:
        """Emit the token that a completed prompt yields (none for an embedding) and start decoding the rest."""
        telemetry, request = self.telemetry, sequence.request
        if sequence.first_token_seconds < 0:
            sequence.first_token_seconds = end
            telemetry.prompt_tokens += request.input_tokens
            telemetry.cached_tokens += sequence.cached
            if request.output_tokens > 0:
                telemetry.ttft.observe(end - sequence.received_seconds)
        else:
            # A preempted request: its client waited from the preemption until now.
            telemetry.inter_token.observe(end - sequence.last_token_seconds)
        if request.output_tokens > 0:
            sequence.generated += 1
            telemetry.generation_tokens += 1
        left = request.output_tokens - sequence.generated
        if left <= 0:
            self._finish(sequence)
        else:
            self._decoding.join(sequence, left)

    def _advance_decoding(self, steps: int) -> None:
        """Advance the decoding requests by a number of steps, and finish those that have all their tokens."""
        self._reserved_kv_tokens += steps * len(self._decoding)
        for sequence in self._decoding.advance(steps):
            self._finish(sequence)

    def _finish(self, sequence: Sequence) -> None:
        """Release the KV tokens of a request and record its completion."""
        self._reserved_kv_tokens -= sequence.context
        self.in_flight -= 1
        completed = sequence.completed(self._clock)
        self.telemetry.observe_finish(completed)
        self._completed.append(completed)

    def _preempt(self) -> None:
        """Return the request that was admitted last to the head of the queue."""
        sequence = self._partial_prefill
        if sequence is not None:
            self._partial_prefill = None
            self._reserved_kv_tokens -= sequence.context
            sequence.preempt(sequence.generated)
        else:
            sequence, generated = self._decoding.pop_last()
            self._reserved_kv_tokens -= sequence.request.input_tokens + generated - 1
            sequence.last_token_seconds = self._clock
            sequence.preempt(generated)
        self.telemetry.preemptions += 1
        self._waiting.appendleft(sequence)
        self._shortest_waiting = min(self._shortest_waiting, sequence.request.output_tokens - sequence.generated)

    def _set_earliest_completion(self) -> None:
        """Bound the next completion from below: a step lasts at least alpha, and a request needs one step per token."""
        steps: float = inf
        start = self._clock
        if self._waiting or self._partial_prefill is not None:
            steps = max(1, self._shortest_waiting)
            if not self._decoding and self._partial_prefill is None:
                start = max(start, self._waiting[0].received_seconds)
        else:
            self._shortest_waiting = inf
        if self._decoding:
            steps = min(steps, self._decoding.steps_to_finish)
        self.earliest_completion_seconds = start + steps * self._timing.alpha_seconds
