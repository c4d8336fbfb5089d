"""The fluid mode: weeks of arrivals in seconds of computing, by rates instead of requests.

One queue in front of all replicas, first come first served; each second the replicas admit what ``Flow`` lets them. It
knows mean lengths only and balances perfectly, so it is for sweeps; ``environment.RequestEnvironment`` is the judge.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from modelmatrix.simulation.attainment import Tally
from modelmatrix.simulation.flow import Flow
from modelmatrix.simulation.fluid_page import FluidPage
from modelmatrix.simulation.roster import Phase, Roster

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from random import Random

    from modelmatrix.performance.timing import Lengths, SloBounds
    from modelmatrix.simulation.flow import Latencies
    from modelmatrix.simulation.roster import Member
    from modelmatrix.simulation.samples import EngineSample
    from modelmatrix.simulation.traces import Count
    from modelmatrix.simulation.variants import Variant

# Less than this of a request is rounding.
_NOTHING = 1e-6


class FluidEnvironment:
    """Arrival counts and replicas, second by second. Times must be whole seconds."""

    __slots__ = (
        "_arriving",
        "_baselines",
        "_draining",
        "_flows",
        "_lengths",
        "_pages",
        "_pending",
        "_queue",
        "_second",
        "_slo",
        "arrivals",
        "is_exhausted",
        "roster",
        "tally",
    )

    def __init__(
        self, variants: Iterable[Variant], counts: Iterable[Count], lengths: Lengths, slo: SloBounds, random: Random
    ) -> None:
        self.roster = Roster(variants, random)
        self.tally = Tally()
        self.arrivals = 0.0
        self.is_exhausted = False
        self._lengths, self._slo = lengths, slo
        self._flows = {one.name: Flow(one.timing, one.limits, lengths) for one in self.roster.variants.values()}
        self._pages = {name: FluidPage(lengths) for name in self._flows}
        self._baselines: dict[str, EngineSample] = {}
        self._draining: list[tuple[float, Member]] = []
        # Requests that wait, by the second of their arrival.
        self._queue: deque[list[float]] = deque()
        self._second = 0
        self._arriving = _per_second(counts)
        self._pending = next(self._arriving, None)

    def start_warm(self, numbers: Mapping[str, int]) -> None:
        """Begin with replicas that are ready already."""
        for name, number in numbers.items():
            self.roster.desired[name] = number
            for _ in range(number):
                self.roster.create(self.roster.variants[name], self._second, warm=True)
        self._make_ready()

    @property
    def in_flight(self) -> float:
        """Requests that wait; those that run have had their verdict when they were admitted."""
        waiting = sum(amount for _, amount in self._queue)
        return waiting if waiting > _NOTHING else 0.0

    def advance(self, until_seconds: float) -> None:
        """Let whole seconds pass."""
        while self._second + 1 <= until_seconds:
            self._make_ready()
            self._arrive()
            self._serve()
            self._second += 1
            self._remove_drained()

    def scale_to(self, desired: Mapping[str, int]) -> None:
        """Set the number of replicas per variant."""
        for member in self.roster.scale_to(desired, self._second, lambda _: 0.0):
            life = self._lengths.output_tokens * self._flows[member.variant.name].step_seconds
            self._baselines.pop(member.name, None)
            self._draining.append((self._second + life, member))
        self._remove_drained()

    def samples(self) -> Mapping[str, EngineSample]:
        """What a scrape of every ready engine gives now."""
        waiting = self.in_flight / max(1, self.roster.number(Phase.READY))
        now = {name: page.sample(self._second, self._flows[name], waiting) for name, page in self._pages.items()}
        return {name: now[self.roster.members[name].variant.name].since(baseline) for name, baseline in self._baselines.items()}

    def give_up(self) -> None:
        """Count what still waits as missed."""
        while self._queue:
            second, amount = self._queue.popleft()
            self.tally.add(second, amount, 0.0)

    def _arrive(self) -> None:
        if self._pending is not None and self._pending[0] <= self._second:
            amount = self._pending[1]
            self._pending = next(self._arriving, None)
            if amount:
                self.arrivals += amount
                self._queue.append([self._second, amount])
        self.is_exhausted = self._pending is None

    def _serve(self) -> None:
        """Admit from the queue as much as the ready replicas can, and give those requests their verdict."""
        ready = self._ready()
        offered = sum(amount for _, amount in self._queue)
        weights = {name: number * self.roster.variants[name].weight for name, number in ready.items()}
        for name, number in ready.items():
            flow, page = self._flows[name], self._pages[name]
            rate = min(offered * weights[name] / sum(weights.values()) / number, flow.highest_rate())
            latencies = flow.admit(rate)
            page.decode(flow.running / latencies.tpot_seconds, latencies.tpot_seconds)
            self._admit(rate * number, number, latencies, page)

    def _admit(self, amount: float, number: int, latencies: Latencies, page: FluidPage) -> None:
        while amount > _NOTHING and self._queue:
            second, waiting = head = self._queue[0]
            taken = min(amount, waiting)
            amount -= taken
            head[1] = waiting - taken
            if head[1] <= _NOTHING:
                self._queue.popleft()
            delayed = latencies.delayed(self._second - second)
            page.add(taken / number, delayed)
            self.tally.add(second, taken, taken * delayed.share_within(self._slo, self._lengths.output_tokens))

    def _ready(self) -> dict[str, int]:
        numbers: dict[str, int] = {}
        for member in self.roster.members.values():
            if member.phase is Phase.READY:
                numbers[member.variant.name] = numbers.get(member.variant.name, 0) + 1
        return numbers

    def _make_ready(self) -> None:
        while (member := self.roster.next_ready(self._second)) is not None:
            name = member.variant.name
            number = self._ready()[name]
            self._flows[name].resize((number - 1) / number)
            self._baselines[member.name] = self._pages[name].sample(self._second, self._flows[name], 0.0)

    def _remove_drained(self) -> None:
        for end, member in [one for one in self._draining if one[0] <= self._second]:
            self.roster.remove(member, end)
            self._draining.remove((end, member))


def _per_second(counts: Iterable[Count]) -> Iterator[tuple[int, float]]:
    """Counts as an amount for each second, those of longer steps spread evenly."""
    for count in counts:
        seconds = max(1, round(count.step_seconds))
        for index in range(seconds):
            yield round(count.second) + index, count.requests / seconds
