"""The fluid mode: weeks of arrivals in seconds of computing, by rates instead of requests.

One queue in front of all replicas, first come first served; each second the replicas admit what ``fluid_steps`` lets them.
It knows mean lengths only and balances perfectly, so it is for sweeps; ``environment.RequestEnvironment`` is the judge.
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
    empty_state,
    empty_world,
    engine_of,
    slo_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from random import Random

    from modelmatrix.performance.engine_timing import SloBounds, TokenLengths
    from modelmatrix.simulation.cluster.replica_set import SimulatedReplica
    from modelmatrix.simulation.cluster.variant import Variant
    from modelmatrix.simulation.engine.samples import EngineSample
    from modelmatrix.simulation.traces.readers import Count

# After the last arrival: as long as anybody waits for the requests that are left.
_AFTERMATH_SECONDS = 3660


@dataclass(frozen=True, slots=True)
class FluidKernel:
    """What computes the seconds; a compiled one works on arrays instead of lists."""

    pass_seconds: Callable[..., None] = fluid_steps.advance
    lose: Callable[..., None] = fluid_steps.drop_share
    zeros: Zeros = lambda number: [0.0] * number


@dataclass(frozen=True, slots=True)
class ArrivalsPerSecond:
    """Requests that arrive in each second from 0 on, for who has them so."""

    numbers: Sequence[float]


class FluidEnvironment:
    """Arrival counts and replicas, second by second. Times must be whole seconds."""

    def __init__(  # noqa: PLR0913 - a world has many parts
        self,
        variants: Iterable[Variant],
        counts: Iterable[Count] | ArrivalsPerSecond,
        lengths: TokenLengths,
        slo: SloBounds,
        random: Random,
        *,
        buckets: Buckets | None = None,
        machinery: FluidKernel | None = None,
    ) -> None:
        """A world without replicas at second 0.

        Args:
            variants: what the fleet may be made of.
            counts: requests that arrive, in steps of whole seconds from second 0 on.
            lengths: of every request.
            slo: what requests are judged by.
            random: seeded source of start-up times.
            buckets: of the histograms that replicas show.
            machinery: what computes the seconds.
        """
        self._machinery = machinery or FluidKernel()
        self._buckets = buckets or Buckets()
        self._lengths, self._slo = lengths, slo_of(slo)
        self.roster = SimulatedReplicaSet(variants, random)
        arriving = counts.numbers if isinstance(counts, ArrivalsPerSecond) else per_second(counts)
        self._horizon = len(arriving)
        seconds, zeros = self._horizon + _AFTERMATH_SECONDS, self._machinery.zeros
        self._world = empty_world(seconds, self._buckets, zeros)
        self._world.arrivals[: self._horizon] = arriving
        self._engines = tuple(engine_of(one, lengths) for one in self.roster.variants.values())
        self._states = tuple(empty_state(one, seconds, self._buckets, zeros) for one in self.roster.variants.values())
        self._index = {name: index for index, name in enumerate(self.roster.variants)}
        self._baselines: dict[str, EngineSample] = {}
        self._draining: list[tuple[float, SimulatedReplica]] = []
        self._second = 0

    def start_warm(self, numbers: Mapping[str, int]) -> None:
        """Begin with replicas that are ready already."""
        for name, number in numbers.items():
            self.roster.desired[name] = number
            for _ in range(number):
                self.roster.create(self.roster.variants[name], self._second, warm=True)
        self._make_ready()

    @property
    def is_exhausted(self) -> bool:
        """Whether nothing will arrive any more."""
        return self._second >= self._horizon

    @property
    def arrivals(self) -> float:
        """Requests that have arrived."""
        return float(sum(self._world.requests_by_hour))

    @property
    def in_flight(self) -> float:
        """Requests that wait or run."""
        inside = self._world.queue[WAITING] + sum(state.now[RUNNING] for state in self._states)
        return float(inside) if inside > fluid_steps.NOTHING else 0.0

    @property
    def tally(self) -> SloCounter:
        """Verdicts by the hour of arrival; what is not finished yet is not met yet."""
        tally = SloCounter()
        pairs = zip(self._world.requests_by_hour, self._world.met_by_hour, strict=True)
        for hour, (requests, met) in enumerate(pairs):
            if requests:
                tally.add(hour * fluid_steps.HOUR_SECONDS, float(requests), float(met))
        return tally

    def advance(self, until_seconds: float) -> None:
        """Let whole seconds pass."""
        until = min(int(until_seconds), self._horizon + _AFTERMATH_SECONDS)
        while self._second < until:
            self._make_ready()
            stop = min(until, self._next_change())
            self._machinery.pass_seconds(self._world, self._engines, self._states, self._slo, (self._second, stop))
            self._second = stop
            self._remove_drained()

    def scale_to(self, desired: Mapping[str, int]) -> None:
        """Set the number of replicas per variant."""
        for member in self.roster.scale_to(desired, self._second, lambda _: 0.0):
            state = self._state(member)
            life = self._lengths.output_tokens * float(state.now[STEP_SECONDS])
            self._baselines.pop(member.name, None)
            self._draining.append((self._second + life, member))
            state.now[READY] -= 1
            state.now[DRAINING] += 1
        self._remove_drained()

    def fail(self, names: Collection[str]) -> None:
        """Lose replicas and the requests in them; nothing starts in their place until somebody asks for it."""
        for name in names:
            member = self.roster.members[name]
            if member.phase is Phase.READY:
                self._lose(member)
            self.roster.remove(member, self._second)

    def samples(self) -> Mapping[str, EngineSample]:
        """What a scrape of every ready engine gives now."""
        now = {name: self._page(replica_page, name) for name in self.roster.variants}
        return {name: now[self.roster.members[name].variant.name].since(baseline) for name, baseline in self._baselines.items()}

    def totals(self) -> Mapping[str, EngineSample]:
        """The sum of all pages of each variant, those of engines that are gone included; KV usage is a mean."""
        return {name: self._page(fleet_page, name) for name in self.roster.variants}

    def fail_in_flight(self) -> None:
        """Count what still waits as missed: it is, because it was never met."""

    def _page(self, page: Callable[..., EngineSample], name: str) -> EngineSample:
        index = self._index[name]
        state = self._states[index]
        ready = sum(one.now[READY] for one in self._states)
        waiting = float(self._world.queue[WAITING]) / ready if ready else 0.0
        if page is fleet_page:
            waiting *= float(state.now[READY])
        return page(self._second, state, self._engines[index], self._lengths, self._buckets, waiting)

    def _state(self, member: SimulatedReplica) -> Any:
        return self._states[self._index[member.variant.name]]

    def _next_change(self) -> int:
        """The next second at which the number of replicas changes, after this one."""
        ends = [end for end, _ in self._draining]
        upcoming = self.roster.next_ready_seconds()
        soonest = min([*ends, *([] if upcoming is None else [upcoming])], default=float(self._horizon + _AFTERMATH_SECONDS))
        return max(self._second + 1, ceil(soonest))

    def _lose(self, member: SimulatedReplica) -> None:
        state = self._state(member)
        self._machinery.lose(state, self._second, 1.0 / float(state.now[READY] + state.now[DRAINING]))
        state.now[READY] -= 1
        self._baselines.pop(member.name, None)

    def _make_ready(self) -> None:
        while (member := self.roster.next_ready(self._second)) is not None:
            self._state(member).now[READY] += 1
            self._baselines[member.name] = self._page(replica_page, member.variant.name)

    def _remove_drained(self) -> None:
        for end, member in [one for one in self._draining if one[0] <= self._second]:
            self.roster.remove(member, end)
            self._draining.remove((end, member))
            self._state(member).now[DRAINING] -= 1


def per_second(counts: Iterable[Count]) -> list[float]:
    """Requests in each second from 0 on, those of longer steps spread evenly."""
    arriving: list[float] = []
    for count in counts:
        seconds = max(1, round(count.step_seconds))
        start = round(count.second)
        arriving.extend([0.0] * (start + seconds - len(arriving)))
        for index in range(start, start + seconds):
            arriving[index] += count.requests / seconds
    return arriving
