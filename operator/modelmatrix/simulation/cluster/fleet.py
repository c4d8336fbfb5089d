"""The replicas of one model behind a router, request by request: they start, serve, drain and fail as time goes on.

Calls must come in order of time. The fleet does as it is told: how many replicas there should be, a policy decides.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming
from modelmatrix.simulation.cluster.replica_set import Phase, SimulatedReplicaSet
from modelmatrix.simulation.cluster.router import Router
from modelmatrix.simulation.engine.metrics import Buckets
from modelmatrix.simulation.engine.replica import Replica
from modelmatrix.simulation.engine.samples import EngineSample

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from random import Random

    from modelmatrix.simulation.cluster.replica_set import SimulatedReplica
    from modelmatrix.simulation.cluster.variant import Variant
    from modelmatrix.simulation.engine.request import Completed, Request


class Fleet:
    """All replicas of one model, of one or several variants."""

    __slots__ = ("_buckets", "_drain_limit", "_draining_since", "_gone", "_replicas", "lost", "roster", "router", "seconds")

    def __init__(
        self,
        variants: Iterable[Variant],
        random: Random,
        *,
        choices: int | None = None,
        drain_limit_seconds: float = 600.0,
        buckets: Buckets | None = None,
    ) -> None:
        """An empty fleet.

        Args:
            variants: what it may be made of.
            random: seeded source of start-up times (and of the router's choices).
            choices: replicas that the router looks at per request; all of them by default.
            drain_limit_seconds: how long a replica may take to finish its requests once it is to go.
            buckets: of the engines' histograms.
        """
        self.roster = SimulatedReplicaSet(variants, random)
        self.router = Router(choices=choices, random=random)
        self.lost: list[Request] = []
        self.seconds = 0.0
        self._drain_limit = drain_limit_seconds
        self._buckets = buckets or Buckets()
        self._gone = {name: self._blank() for name in self.roster.variants}
        self._replicas: dict[str, Replica] = {}
        self._draining_since: dict[str, float] = {}

    def start_warm(self, numbers: Mapping[str, int]) -> None:
        """Begin with replicas that are ready already."""
        for name, number in numbers.items():
            self.roster.desired[name] = number
            for _ in range(number):
                self.roster.create(self.roster.variants[name], self.seconds, warm=True)
        self._make_ready(self.seconds)

    def submit(self, request: Request) -> None:
        """A request arrives."""
        self._make_ready(request.arrival_seconds)
        self.router.submit(request)

    def scale_to(self, desired: Mapping[str, int]) -> None:
        """Set the number of replicas per variant as of now, the time of the last ``advance``."""
        for member in self.roster.scale_to(desired, self.seconds, self._load):
            self.router.remove(self._replicas[member.name])
            self._draining_since[member.name] = self.seconds
        self._remove_drained()

    def advance(self, until_seconds: float) -> list[Completed]:
        """Let time pass; the requests that finished since the last call, in order of finishing."""
        self._make_ready(until_seconds)
        self.seconds = until_seconds
        completed, self.router.completed = self.router.completed, []
        for replica in self._replicas.values():
            completed += replica.advance(until_seconds)
        self._remove_drained()
        completed.sort(key=lambda one: one.finished_seconds)
        return completed

    def fail(self, name: str, *, restart: bool = True) -> None:
        """Lose a replica and the requests in it; the workload's controller starts another in its place, if it can."""
        member = self.roster.members[name]
        self._forget(member, self.seconds)
        if restart and member.phase is not Phase.DRAINING:
            self.roster.create(member.variant, self.seconds)

    def slow_down(self, name: str, alpha_factor: float) -> None:
        """Make every further step of a ready replica slower (or, below 1, faster again)."""
        self._replicas[name].slow_down(alpha_factor)

    def samples(self) -> dict[str, EngineSample]:
        """What a scrape of every running engine gives now."""
        return {name: EngineSample.of(replica, self.seconds) for name, replica in self._replicas.items()}

    def totals(self) -> dict[str, EngineSample]:
        """The sum of all pages of each variant, those of engines that are gone included; KV usage is a mean."""
        sums = dict(self._gone)
        numbers = dict.fromkeys(sums, 0)
        for name, page in self.samples().items():
            variant = self.roster.members[name].variant.name
            sums[variant] = page.plus(sums[variant])
            numbers[variant] += 1
        return {
            name: replace(page, second=self.seconds, kv_usage_ratio=page.kv_usage_ratio / max(1, numbers[name]))
            for name, page in sums.items()
        }

    def unfinished(self) -> list[Request]:
        """The requests at the router or in a replica."""
        inside = (request for replica in self._replicas.values() for request in replica.unfinished())
        return [*self.router.queue, *inside]

    @property
    def in_flight(self) -> int:
        """Requests at the router or in a replica."""
        return len(self.router.queue) + sum(replica.in_flight for replica in self._replicas.values())

    def _make_ready(self, until_seconds: float) -> None:
        while (member := self.roster.next_ready(until_seconds)) is not None:
            timing, limits = member.variant.timing, member.variant.limits
            replica = Replica(timing, limits, start_seconds=member.ready_seconds, buckets=self._buckets)
            self._replicas[member.name] = replica
            self.router.add(replica, member.ready_seconds, weight=member.variant.weight)

    def _load(self, member: SimulatedReplica) -> float:
        replica = self._replicas.get(member.name)
        return replica.in_flight if replica else 0.0

    def _remove_drained(self) -> None:
        for name, since in list(self._draining_since.items()):
            member, replica = self.roster.members[name], self._replicas[name]
            if not replica.in_flight:
                self._forget(member, max(since, replica.idle_since_seconds))
            elif self.seconds - since >= self._drain_limit:
                self._forget(member, since + self._drain_limit)

    def _forget(self, member: SimulatedReplica, at_seconds: float) -> None:
        """Remove a replica; what it still had in flight is lost."""
        self.roster.remove(member, at_seconds)
        self._draining_since.pop(member.name, None)
        replica = self._replicas.pop(member.name, None)
        if replica is not None:
            self.router.remove(replica)
            self.lost += replica.unfinished()
            page = EngineSample.of(replica, self.seconds).plus(self._gone[member.variant.name])
            self._gone[member.variant.name] = replace(page, running=0.0, waiting=0.0, kv_usage_ratio=0.0)

    def _blank(self) -> EngineSample:
        """The page of an engine that has done nothing."""
        limits = EngineLimits(max_num_seqs=1, kv_tokens=1, max_num_batched_tokens=1)
        return EngineSample.of(Replica(EngineTiming(1.0, 0.0, 0.0), limits, buckets=self._buckets), self.seconds)
