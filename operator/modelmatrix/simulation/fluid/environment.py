"""The fluid environment: simulates weeks of arrivals in seconds, with rates instead of single requests.

1. Arrivals are counts per second. All of them wait in one first-in-first-out queue in front of all replicas.
2. Each second every variant admits requests from the head of the queue, limited by its prefill throughput and its free batch
   slots (:mod:`.steps`). The requests admitted in one second are a cohort; all replicas of a variant carry equal load.
3. A variant counts its engine steps. A cohort finishes when the count has grown by its output tokens, so the time per
   output token is exact for the mean length.
4. Replicas start, drain and fail through the same :class:`SimulatedReplicaSet` as in the request simulation. The kernel runs
   from one change of their number to the next; a compiled kernel works on arrays instead of lists.

It knows mean lengths only and balances the load perfectly. Use it for sweeps of many policies and days, and confirm the
results with :class:`RequestEnvironment`, which simulates every request.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from modelmatrix.simulation.cluster.replica_set import Phase, SimulatedReplicaSet
from modelmatrix.simulation.cluster.slo_counter import SloCounter
from modelmatrix.simulation.engine.metrics import Buckets
from modelmatrix.simulation.fluid import steps as fluid_steps
from modelmatrix.simulation.fluid.metrics_page import fleet_page, replica_page
from modelmatrix.simulation.fluid.state import (
    DRAINING,
    READY,
    RUNNING,
    STEP_SECONDS,
    WAITING,
    Zeros,
    empty_queue,
    empty_state,
    engine_for,
    slo_in_seconds,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from random import Random

    from modelmatrix.performance.engine_timing import SloBounds, TokenLengths
    from modelmatrix.simulation.cluster.replica_set import SimulatedReplica
    from modelmatrix.simulation.cluster.variant import Variant
    from modelmatrix.simulation.engine.samples import EngineSample
    from modelmatrix.simulation.traces.readers import Count

# Simulated after the last arrival, so that the requests in flight can finish.
_DRAIN_SECONDS = 3660


@dataclass(frozen=True, slots=True)
class FluidKernel:
    """The functions that compute the seconds, and the arrays they work on; the default is interpreted and uses lists."""

    advance: Callable[..., None] = fluid_steps.advance
    drop_share: Callable[..., None] = fluid_steps.drop_share
    zeros: Zeros = lambda number: [0.0] * number


@dataclass(frozen=True, slots=True)
class ArrivalsPerSecond:
    """Arrivals per second, index = second, for callers that already have them in that form."""

    numbers: Sequence[float]


class FluidEnvironment:
    """Arrivals and replicas, second by second; all times passed to it must be whole seconds."""

    def __init__(  # noqa: PLR0913 - an environment has many parts
        self,
        variants: Iterable[Variant],
        counts: Iterable[Count] | ArrivalsPerSecond,
        lengths: TokenLengths,
        slo: SloBounds,
        random: Random,
        *,
        buckets: Buckets | None = None,
        kernel: FluidKernel | None = None,
    ) -> None:
        """An environment without replicas at second 0.

        Args:
            variants: the variants that replicas may have.
            counts: arriving requests, in steps of whole seconds from second 0 on.
            lengths: mean token lengths of the requests.
            slo: the bounds that a request must meet to count as met.
            random: seeded source of start-up times.
            buckets: upper bounds of the exported histograms.
            kernel: the functions that compute the seconds.
        """
        self._kernel = kernel or FluidKernel()
        self._buckets = buckets or Buckets()
        self._lengths, self._slo = lengths, slo_in_seconds(slo)
        self.replica_set = SimulatedReplicaSet(variants, random)
        arriving = counts.numbers if isinstance(counts, ArrivalsPerSecond) else per_second(counts)
        self._horizon = len(arriving)
        seconds, zeros = self._horizon + _DRAIN_SECONDS, self._kernel.zeros
        self._queue = empty_queue(seconds, self._buckets, zeros)
        self._queue.arrivals[: self._horizon] = arriving
        self._engines = tuple(engine_for(variant, lengths) for variant in self.replica_set.variants.values())
        self._states = tuple(
            empty_state(variant, seconds, self._buckets, zeros) for variant in self.replica_set.variants.values()
        )
        self._index = {name: index for index, name in enumerate(self.replica_set.variants)}
        self._baselines: dict[str, EngineSample] = {}
        self._draining: list[tuple[float, SimulatedReplica]] = []
        self._second = 0

    def start_warm(self, numbers: Mapping[str, int]) -> None:
        """Create replicas that are ready at second 0."""
        for name, number in numbers.items():
            self.replica_set.desired[name] = number
            for _ in range(number):
                self.replica_set.create(self.replica_set.variants[name], self._second, warm=True)
        self._make_ready()

    @property
    def is_exhausted(self) -> bool:
        """Whether the last arrival has passed."""
        return self._second >= self._horizon

    @property
    def arrivals(self) -> float:
        """The number of requests that have arrived."""
        return float(sum(self._queue.requests_by_hour))

    @property
    def in_flight(self) -> float:
        """The number of requests that wait or run."""
        requests = self._queue.state[WAITING] + sum(state.now[RUNNING] for state in self._states)
        return float(requests) if requests > fluid_steps.NEGLIGIBLE else 0.0

    @property
    def slo_counter(self) -> SloCounter:
        """Requests and those that met the SLO by the hour of arrival; a request in flight does not count as met."""
        counter = SloCounter()
        pairs = zip(self._queue.requests_by_hour, self._queue.met_by_hour, strict=True)
        for hour, (requests, met) in enumerate(pairs):
            if requests:
                counter.add(hour * fluid_steps.HOUR_SECONDS, float(requests), float(met))
        return counter

    def advance(self, until_seconds: float) -> None:
        """Simulate until a second."""
        until = min(int(until_seconds), self._horizon + _DRAIN_SECONDS)
        while self._second < until:
            self._make_ready()
            stop = min(until, self._next_change())
            self._kernel.advance(self._queue, self._engines, self._states, self._slo, (self._second, stop))
            self._second = stop
            self._remove_drained()

    def scale_to(self, desired: Mapping[str, int]) -> None:
        """Set the desired replicas per variant; surplus ready replicas drain for the time of a mean request."""
        for replica in self.replica_set.scale_to(desired, self._second, lambda _: 0.0):
            state = self._state(replica)
            life = self._lengths.output_tokens * float(state.now[STEP_SECONDS])
            self._baselines.pop(replica.name, None)
            self._draining.append((self._second + life, replica))
            state.now[READY] -= 1
            state.now[DRAINING] += 1
        self._remove_drained()

    def fail(self, names: Collection[str]) -> None:
        """Remove replicas and the requests in them, without a replacement until the next ``scale_to``."""
        for name in names:
            replica = self.replica_set.replicas[name]
            if replica.phase is Phase.READY:
                self._fail_ready(replica)
            self.replica_set.remove(replica, self._second)

    def samples(self) -> Mapping[str, EngineSample]:
        """The present metrics page of every ready replica, by its name."""
        now = {name: self._page(replica_page, name) for name in self.replica_set.variants}
        return {
            name: now[self.replica_set.replicas[name].variant.name].since(baseline)
            for name, baseline in self._baselines.items()
        }

    def totals(self) -> Mapping[str, EngineSample]:
        """The sum of all pages of each variant, including removed replicas; the KV usage is the mean of the present ones."""
        return {name: self._page(fleet_page, name) for name in self.replica_set.variants}

    def fail_in_flight(self) -> None:
        """Nothing to do: ``slo_counter`` counts a request that never finished as not met."""

    def _page(self, page: Callable[..., EngineSample], name: str) -> EngineSample:
        index = self._index[name]
        state = self._states[index]
        ready = sum(variant.now[READY] for variant in self._states)
        waiting = float(self._queue.state[WAITING]) / ready if ready else 0.0
        if page is fleet_page:
            waiting *= float(state.now[READY])
        return page(self._second, state, self._engines[index], self._lengths, self._buckets, waiting)

    def _state(self, replica: SimulatedReplica) -> Any:
        return self._states[self._index[replica.variant.name]]

    def _next_change(self) -> int:
        """The next second after this one at which the number of ready or draining replicas changes."""
        ends = [end for end, _ in self._draining]
        upcoming = self.replica_set.next_ready_seconds()
        soonest = min([*ends, *([] if upcoming is None else [upcoming])], default=float(self._horizon + _DRAIN_SECONDS))
        return max(self._second + 1, ceil(soonest))

    def _fail_ready(self, replica: SimulatedReplica) -> None:
        state = self._state(replica)
        self._kernel.drop_share(state, self._second, 1.0 / float(state.now[READY] + state.now[DRAINING]))
        state.now[READY] -= 1
        self._baselines.pop(replica.name, None)

    def _make_ready(self) -> None:
        while (replica := self.replica_set.next_ready(self._second)) is not None:
            self._state(replica).now[READY] += 1
            self._baselines[replica.name] = self._page(replica_page, replica.variant.name)

    def _remove_drained(self) -> None:
        for end, replica in [drained for drained in self._draining if drained[0] <= self._second]:
            self.replica_set.remove(replica, end)
            self._draining.remove((end, replica))
            self._state(replica).now[DRAINING] -= 1


def per_second(counts: Iterable[Count]) -> list[float]:
    """Arrivals per second from second 0 on; the requests of longer steps are spread evenly over their seconds."""
    arriving: list[float] = []
    for count in counts:
        seconds = max(1, round(count.step_seconds))
        start = round(count.second)
        arriving.extend([0.0] * (start + seconds - len(arriving)))
        for index in range(start, start + seconds):
            arriving[index] += count.requests / seconds
    return arriving
