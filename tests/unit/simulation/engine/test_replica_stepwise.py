"""The replica skips over steps in closed form; here is the same engine step by step, and both must agree."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming
from modelmatrix.simulation.engine.histogram import Histogram
from modelmatrix.simulation.engine.metrics import Buckets
from modelmatrix.simulation.engine.replica import Replica
from modelmatrix.simulation.engine.request import Request


@dataclass(eq=False)
class Naive:
    """A request of the reference engine."""

    index: int
    request: Request
    generated: int = 0
    computed: int = 0
    to_compute: int = 0
    admitted: float | None = None
    first: float | None = None
    last: float = 0.0
    preemptions: int = 0

    def begin(self) -> None:
        tokens = self.request.input_tokens
        cached = min(int(tokens * self.request.hit_ratio), tokens - 1)
        self.computed = cached
        self.to_compute = tokens + self.generated - cached


@dataclass
class StepwiseEngine:
    """Continuous batching, one step at a time, nothing clever."""

    timing: EngineTiming
    limits: EngineLimits
    clock: float = 0.0
    queue: list[Naive] = field(default_factory=list)
    batch: list[Naive] = field(default_factory=list)
    finished: list[tuple[int, float, float, float, int]] = field(default_factory=list)
    inter_token: Histogram = field(default_factory=lambda: Histogram(Buckets().inter_token_latency))
    tokens: int = 0

    def held(self) -> int:
        return sum(one.request.input_tokens + max(0, one.generated - (one.to_compute == 0)) for one in self.batch)

    def step(self, until: float) -> bool:
        start = self.clock
        if not self.batch:
            if not self.queue:
                return False
            start = max(start, self.queue[0].request.arrival_seconds)
        decoding = [one for one in self.batch if one.to_compute == 0]
        if self.held() + len(decoding) > self.limits.kv_tokens:
            self.preempt()
            return True
        chunks, admitted = self.plan(start, decoding)
        prompt = sum(chunk for _, chunk in chunks)
        context = sum(one.request.input_tokens + one.generated for one in decoding)
        context += sum(one.computed for one, _ in chunks)
        seconds = self.timing.step_seconds(prompt, context)
        if start + seconds > until:
            return False
        self.clock = start + seconds
        self.commit(start, decoding, chunks, admitted)
        return True

    def plan(self, start: float, decoding: list[Naive]) -> tuple[list[tuple[Naive, int]], list[Naive]]:
        budget = self.limits.max_num_batched_tokens - len(decoding)
        held = self.held() + len(decoding)
        chunks: list[tuple[Naive, int]] = []
        admitted: list[Naive] = []
        for one in self.batch:
            if one.to_compute:
                chunks.append((one, min(one.to_compute, budget)))
                budget -= chunks[-1][1]
        for one in self.queue:
            need = one.request.input_tokens + one.generated
            no_slot = len(self.batch) + len(admitted) >= self.limits.max_num_seqs
            if one.request.arrival_seconds > start or budget <= 0 or no_slot or held + need > self.limits.kv_tokens:
                break
            one.begin()
            chunks.append((one, min(one.to_compute, budget)))
            budget -= chunks[-1][1]
            held += need
            admitted.append(one)
        return chunks, admitted

    def commit(self, start: float, decoding: list[Naive], chunks: list[tuple[Naive, int]], admitted: list[Naive]) -> None:
        for one in admitted:
            self.queue.remove(one)
            self.batch.append(one)
            one.admitted = start if one.admitted is None else one.admitted
        for one in decoding:
            self.emit(one, start)
        for one, chunk in chunks:
            one.to_compute -= chunk
            one.computed += chunk
            if one.to_compute == 0:
                self.emit(one, start)

    def emit(self, one: Naive, start: float) -> None:
        wanted = one.request.output_tokens
        if one.first is None:
            one.first = self.clock
        else:
            # A running request's last token came when this step began; a preempted one's before it.
            self.inter_token.observe(self.clock - (one.last if one.generated and one.last != start else start))
        one.last = self.clock
        one.generated += wanted > 0
        self.tokens += wanted > 0
        if one.generated >= wanted:
            self.batch.remove(one)
            assert one.admitted is not None
            self.finished.append((one.index, one.admitted, one.first, self.clock, one.preemptions))

    def preempt(self) -> None:
        victim = self.batch.pop()
        victim.preemptions += 1
        victim.begin()
        self.queue.insert(0, victim)


# Times are small multiples of powers of two: float arithmetic is exact, and ties are real ties in both engines.
exact_timings = st.builds(
    EngineTiming,
    st.integers(1, 64).map(lambda number: number / 1024),
    st.integers(0, 64).map(lambda number: number / 2**16),
    st.integers(0, 64).map(lambda number: number / 2**20),
)
float_timings = st.builds(EngineTiming, st.floats(1e-3, 0.05), st.floats(0, 1e-3), st.floats(0, 1e-4))
small_limits = st.builds(
    EngineLimits,
    max_num_seqs=st.integers(1, 6),
    kv_tokens=st.integers(60, 160),
    max_num_batched_tokens=st.integers(6, 64),
)
shapes = st.tuples(st.integers(1, 40), st.integers(0, 20), st.sampled_from([0.0, 0.5, 0.9]))
exact_arrivals = st.integers(0, 1024).map(lambda number: number / 256)


def requests_of(arrivals: list[float], tokens: list[tuple[int, int, float]]) -> list[Request]:
    return [Request(arrival, *shape) for arrival, shape in zip(sorted(arrivals), tokens, strict=False)]


def run_stepwise(timing: EngineTiming, limits: EngineLimits, requests: list[Request]) -> StepwiseEngine:
    engine = StepwiseEngine(timing, limits, queue=[Naive(index, request) for index, request in enumerate(requests)])
    while engine.step(float("inf")):
        pass
    return engine


def run_replica(
    timing: EngineTiming, limits: EngineLimits, requests: list[Request], *, stops: list[float]
) -> tuple[Replica, list[tuple[int, float, float, float, int]]]:
    replica = Replica(timing, limits)
    done = []
    pending = list(requests)
    for stop in sorted(stops):
        while pending and pending[0].arrival_seconds <= stop:
            assert replica.submit(pending.pop(0))
        done += replica.advance(stop)
        assert all(one.finished_seconds <= stop for one in done)
    for request in pending:
        assert replica.submit(request)
    done += replica.drain()
    index = {id(request): number for number, request in enumerate(requests)}
    return replica, [
        (index[id(one.request)], one.admitted_seconds, one.first_token_seconds, one.finished_seconds, one.preemptions)
        for one in done
    ]


@given(
    timing=exact_timings,
    limits=small_limits,
    arrivals=st.lists(exact_arrivals, min_size=1, max_size=12),
    tokens=st.lists(shapes, min_size=12, max_size=12),
    stops=st.lists(exact_arrivals, max_size=6),
)
def test_skipping_ahead_changes_nothing(
    timing: EngineTiming,
    limits: EngineLimits,
    arrivals: list[float],
    tokens: list[tuple[int, int, float]],
    stops: list[float],
) -> None:
    requests = requests_of(arrivals, tokens)
    reference = run_stepwise(timing, limits, requests)
    replica, done = run_replica(timing, limits, requests, stops=stops)
    assert sorted(done) == sorted(reference.finished)
    telemetry = replica.telemetry
    assert telemetry.inter_token.counts == reference.inter_token.counts
    assert telemetry.inter_token.total == reference.inter_token.total
    assert telemetry.generation_tokens == reference.tokens
    assert telemetry.preemptions == sum(one[-1] for one in reference.finished)


@given(
    timing=float_timings,
    limits=small_limits,
    arrivals=st.lists(st.floats(0, 3), min_size=1, max_size=12),
    tokens=st.lists(shapes, min_size=12, max_size=12),
)
def test_skipping_ahead_changes_nothing_but_rounding(
    timing: EngineTiming, limits: EngineLimits, arrivals: list[float], tokens: list[tuple[int, int, float]]
) -> None:
    # Arrivals that no step boundary meets: there a rounding error would decide which step admits the request.
    requests = requests_of([arrival + 0.1234567 for arrival in arrivals], tokens)
    reference = sorted(run_stepwise(timing, limits, requests).finished)
    done = sorted(run_replica(timing, limits, requests, stops=[])[1])
    assert [one[0] for one in done] == [one[0] for one in reference]
    for ours, theirs in zip(done, reference, strict=True):
        assert ours[1:] == pytest.approx(theirs[1:], rel=1e-9)
