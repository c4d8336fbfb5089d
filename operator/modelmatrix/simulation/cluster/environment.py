"""The environment of a scaling policy: arrivals, replicas, and the count of requests that met the SLO.

Two implementations of one protocol run in the same loop: single requests (here) and cohorts of requests (``fluid``). An
environment makes no scaling decisions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from modelmatrix.simulation.cluster.slo_counter import SloCounter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from modelmatrix.performance.engine_timing import SloBounds
    from modelmatrix.simulation.cluster.fleet import Fleet
    from modelmatrix.simulation.cluster.replica_set import SimulatedReplicaSet
    from modelmatrix.simulation.engine.request import Request
    from modelmatrix.simulation.engine.samples import EngineSample


class Environment(Protocol):
    """Arrivals and replicas, in seconds of model time."""

    replica_set: SimulatedReplicaSet

    @property
    def slo_counter(self) -> SloCounter:
        """Requests, and those that met the SLO, so far."""

    @property
    def arrivals(self) -> float:
        """The number of requests that have arrived."""

    @property
    def is_exhausted(self) -> bool:
        """Whether the last arrival has passed."""

    @property
    def in_flight(self) -> float:
        """The number of requests that have arrived and have not finished."""

    def advance(self, until_seconds: float) -> None:
        """Simulate arrivals and service until a time."""

    def scale_to(self, desired: Mapping[str, int]) -> None:
        """Set the desired replicas per variant at the time of the last ``advance``; other variants keep theirs."""

    def samples(self) -> Mapping[str, EngineSample]:
        """The present metrics page of every ready replica, by its name."""

    def totals(self) -> Mapping[str, EngineSample]:
        """The sum of all pages of each variant, including removed replicas; the KV usage is the mean of the present ones."""

    def fail(self, names: Collection[str]) -> None:
        """Remove replicas and the requests in them, without a replacement until the next ``scale_to``."""

    def fail_in_flight(self) -> None:
        """Count the requests in flight as not met; for the end of a simulation."""


class RequestEnvironment:
    """A fleet that serves a trace, request by request."""

    __slots__ = ("_fleet", "_next", "_requests", "_slo", "arrivals", "replica_set", "slo_counter")

    def __init__(self, fleet: Fleet, requests: Iterable[Request], slo: SloBounds) -> None:
        self._fleet = fleet
        self._requests = iter(requests)
        self._next = next(self._requests, None)
        self._slo = slo
        self.replica_set = fleet.replica_set
        self.slo_counter = SloCounter()
        self.arrivals = 0.0

    @property
    def is_exhausted(self) -> bool:
        """Whether the last request of the trace has arrived."""
        return self._next is None

    @property
    def in_flight(self) -> float:
        """The number of requests that have arrived and have not finished."""
        return self._fleet.in_flight

    def advance(self, until_seconds: float) -> None:
        """Submit the requests that arrive before a time, and serve until then."""
        fleet = self._fleet
        while self._next is not None and self._next.arrival_seconds < until_seconds:
            fleet.submit(self._next)
            self.arrivals += 1
            self._next = next(self._requests, None)
        for done in fleet.advance(until_seconds):
            self.slo_counter.add(done.request.arrival_seconds, 1, done.meets(self._slo))
        self._count_missed(fleet.lost)
        self._count_missed(fleet.router.rejected)

    def scale_to(self, desired: Mapping[str, int]) -> None:
        """Set the desired replicas per variant at the time of the last ``advance``; other variants keep theirs."""
        self._fleet.scale_to(desired)
        self._count_missed(self._fleet.lost)

    def samples(self) -> Mapping[str, EngineSample]:
        """The present metrics page of every ready replica, by its name."""
        return self._fleet.samples()

    def totals(self) -> Mapping[str, EngineSample]:
        """The sum of all pages of each variant, including removed replicas; the KV usage is the mean of the present ones."""
        return self._fleet.totals()

    def fail(self, names: Collection[str]) -> None:
        """Remove replicas and the requests in them, without a replacement until the next ``scale_to``."""
        for name in names:
            self._fleet.fail(name, restart=False)
        self._count_missed(self._fleet.lost)

    def fail_in_flight(self) -> None:
        """Count the requests in flight as not met; for the end of a simulation."""
        self._count_missed(self._fleet.unfinished())

    def _count_missed(self, requests: list[Request]) -> None:
        for request in requests:
            self.slo_counter.add(request.arrival_seconds, 1, 0)
        requests.clear()
