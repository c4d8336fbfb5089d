"""The world that a policy acts in: arrivals, replicas, and the verdict on every request.

One protocol for both models of the world, so that a policy is run in the same loop whether requests are single (here)
or a fluid (``fluid``). An environment must not decide anything.
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
    """Arrivals and replicas in model time."""

    roster: SimulatedReplicaSet

    @property
    def tally(self) -> SloCounter:
        """Verdicts so far."""

    @property
    def arrivals(self) -> float:
        """Requests that have arrived."""

    @property
    def is_exhausted(self) -> bool:
        """Whether nothing will arrive any more."""

    @property
    def in_flight(self) -> float:
        """Requests that have arrived and are not finished."""

    def advance(self, until_seconds: float) -> None:
        """Let requests arrive and be served up to a time."""

    def scale_to(self, desired: Mapping[str, int]) -> None:
        """Set the number of replicas per variant, as of the last ``advance``."""

    def samples(self) -> Mapping[str, EngineSample]:
        """What a scrape of every running engine gives now."""

    def totals(self) -> Mapping[str, EngineSample]:
        """The sum of all pages of each variant, those of engines that are gone included; KV usage is a mean."""

    def fail(self, names: Collection[str]) -> None:
        """Lose replicas and the requests in them; nothing starts in their place until somebody asks for it."""

    def fail_in_flight(self) -> None:
        """Count what is still in flight as missed."""


class RequestEnvironment:
    """A fleet and a trace, request by request."""

    __slots__ = ("_fleet", "_next", "_requests", "_slo", "arrivals", "roster", "tally")

    def __init__(self, fleet: Fleet, requests: Iterable[Request], slo: SloBounds) -> None:
        self._fleet = fleet
        self._requests = iter(requests)
        self._next = next(self._requests, None)
        self._slo = slo
        self.roster = fleet.roster
        self.tally = SloCounter()
        self.arrivals = 0.0

    @property
    def is_exhausted(self) -> bool:
        """Whether the trace has ended."""
        return self._next is None

    @property
    def in_flight(self) -> float:
        """Requests that have arrived and are not finished."""
        return self._fleet.in_flight

    def advance(self, until_seconds: float) -> None:
        """Let requests arrive before a time, and be served up to it."""
        fleet = self._fleet
        while self._next is not None and self._next.arrival_seconds < until_seconds:
            fleet.submit(self._next)
            self.arrivals += 1
            self._next = next(self._requests, None)
        for done in fleet.advance(until_seconds):
            self.tally.add(done.request.arrival_seconds, 1, done.meets(self._slo))
        self._miss(fleet.lost)
        self._miss(fleet.router.rejected)

    def scale_to(self, desired: Mapping[str, int]) -> None:
        """Set the number of replicas per variant."""
        self._fleet.scale_to(desired)
        self._miss(self._fleet.lost)

    def samples(self) -> Mapping[str, EngineSample]:
        """What a scrape of every running engine gives now."""
        return self._fleet.samples()

    def totals(self) -> Mapping[str, EngineSample]:
        """The sum of all pages of each variant, those of engines that are gone included; KV usage is a mean."""
        return self._fleet.totals()

    def fail(self, names: Collection[str]) -> None:
        """Lose replicas and the requests in them; nothing starts in their place until somebody asks for it."""
        for name in names:
            self._fleet.fail(name, restart=False)
        self._miss(self._fleet.lost)

    def fail_in_flight(self) -> None:
        """Count what is still in flight as missed."""
        self._miss(self._fleet.unfinished())

    def _miss(self, requests: list[Request]) -> None:
        for request in requests:
            self.tally.add(request.arrival_seconds, 1, 0)
        requests.clear()
