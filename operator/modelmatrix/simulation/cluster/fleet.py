"""The replicas of one model behind a router, request by request: they start, serve, drain and fail over time.

Calls must come in order of time. A policy decides the number of replicas; the fleet only carries it out.
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
    """All replicas of one model, of one or several variants; ``lost`` collects the requests of failed replicas."""

    __slots__ = (
        "_buckets",
        "_drain_limit_seconds",
        "_draining_since",
        "_engines",
        "_removed_samples",
        "lost",
        "replica_set",
        "router",
        "seconds",
    )

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
            variants: the variants that replicas may have.
            random: seeded source of start-up times and of the router's choices.
            choices: replicas that the router compares per request; all of them by default.
            drain_limit_seconds: how long a draining replica may finish its requests before it is removed.
            buckets: upper bounds of the engines' histograms.
        """
        self.replica_set = SimulatedReplicaSet(variants, random)
        self.router = Router(choices=choices, random=random)
        self.lost: list[Request] = []
        self.seconds = 0.0
        self._drain_limit_seconds = drain_limit_seconds
        self._buckets = buckets or Buckets()
        self._removed_samples = {name: self._empty_sample() for name in self.replica_set.variants}
        self._engines: dict[str, Replica] = {}
        self._draining_since: dict[str, float] = {}

    def start_warm(self, numbers: Mapping[str, int]) -> None:
        """Create replicas that are ready now."""
        for name, number in numbers.items():
            self.replica_set.desired[name] = number
            for _ in range(number):
                self.replica_set.create(self.replica_set.variants[name], self.seconds, warm=True)
        self._make_ready(self.seconds)

    def submit(self, request: Request) -> None:
        """Route a request at its arrival; it waits in the router if no replica is ready."""
        self._make_ready(request.arrival_seconds)
        self.router.submit(request)

    def scale_to(self, desired: Mapping[str, int]) -> None:
        """Set the desired replicas per variant at the time of the last ``advance``."""
        for replica in self.replica_set.scale_to(desired, self.seconds, self._load):
            self.router.remove(self._engines[replica.name])
            self._draining_since[replica.name] = self.seconds
        self._remove_drained()

    def advance(self, until_seconds: float) -> list[Completed]:
        """Simulate until a time; returns the requests that finished since the last call, in order of finishing."""
        self._make_ready(until_seconds)
        self.seconds = until_seconds
        completed, self.router.completed = self.router.completed, []
        for engine in self._engines.values():
            completed += engine.advance(until_seconds)
        self._remove_drained()
        completed.sort(key=lambda completed: completed.finished_seconds)
        return completed

    def fail(self, name: str, *, restart: bool = True) -> None:
        """Remove a replica and the requests in it; with ``restart`` the workload's controller starts a replacement."""
        replica = self.replica_set.replicas[name]
        self._remove(replica, self.seconds)
        if restart and replica.phase is not Phase.DRAINING:
            self.replica_set.create(replica.variant, self.seconds)

    def slow_down(self, name: str, alpha_factor: float) -> None:
        """Multiply the fixed part of every later step of a ready replica; below 1 makes it faster again."""
        self._engines[name].slow_down(alpha_factor)

    def samples(self) -> dict[str, EngineSample]:
        """The present metrics page of every ready replica, by its name."""
        return {name: EngineSample.of(engine, self.seconds) for name, engine in self._engines.items()}

    def totals(self) -> dict[str, EngineSample]:
        """The sum of all pages of each variant, including removed replicas; the KV usage is the mean of the present ones."""
        sums = dict(self._removed_samples)
        numbers = dict.fromkeys(sums, 0)
        for name, page in self.samples().items():
            variant = self.replica_set.replicas[name].variant.name
            sums[variant] = page.plus(sums[variant])
            numbers[variant] += 1
        return {
            name: replace(page, second=self.seconds, kv_usage_ratio=page.kv_usage_ratio / max(1, numbers[name]))
            for name, page in sums.items()
        }

    def unfinished(self) -> list[Request]:
        """The requests that wait in the router or are in a replica."""
        inside = (request for engine in self._engines.values() for request in engine.unfinished())
        return [*self.router.queue, *inside]

    @property
    def in_flight(self) -> int:
        """The number of requests that wait in the router or are in a replica."""
        return len(self.router.queue) + sum(engine.in_flight for engine in self._engines.values())

    def _make_ready(self, until_seconds: float) -> None:
        while (replica := self.replica_set.next_ready(until_seconds)) is not None:
            timing, limits = replica.variant.timing, replica.variant.limits
            engine = Replica(timing, limits, start_seconds=replica.ready_seconds, buckets=self._buckets)
            self._engines[replica.name] = engine
            self.router.add(engine, replica.ready_seconds, weight=replica.variant.weight)

    def _load(self, replica: SimulatedReplica) -> float:
        engine = self._engines.get(replica.name)
        return engine.in_flight if engine else 0.0

    def _remove_drained(self) -> None:
        for name, since in list(self._draining_since.items()):
            replica, engine = self.replica_set.replicas[name], self._engines[name]
            if not engine.in_flight:
                self._remove(replica, max(since, engine.idle_since_seconds))
            elif self.seconds - since >= self._drain_limit_seconds:
                self._remove(replica, since + self._drain_limit_seconds)

    def _remove(self, replica: SimulatedReplica, at_seconds: float) -> None:
        """Remove a replica; its requests in flight are lost."""
        self.replica_set.remove(replica, at_seconds)
        self._draining_since.pop(replica.name, None)
        engine = self._engines.pop(replica.name, None)
        if engine is not None:
            self.router.remove(engine)
            self.lost += engine.unfinished()
            page = EngineSample.of(engine, self.seconds).plus(self._removed_samples[replica.variant.name])
            self._removed_samples[replica.variant.name] = replace(page, running=0.0, waiting=0.0, kv_usage_ratio=0.0)

    def _empty_sample(self) -> EngineSample:
        """The page of an engine that has served nothing."""
        limits = EngineLimits(max_num_seqs=1, kv_tokens=1, max_num_batched_tokens=1)
        return EngineSample.of(Replica(EngineTiming(1.0, 0.0, 0.0), limits, buckets=self._buckets), self.seconds)
