"""The way into one deployment: its arrivals, the router over its ready engines, and the verdicts on its requests.

Clients whose request waits too long for a ready engine give up. It must not know pods.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from engines.slo_counter import Verdicts
from modelmatrix.performance.engine_timing import SloBounds
from modelmatrix.simulation.cluster.router import Router
from modelmatrix.simulation.traces.files import TraceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engines.schedule import TrafficEntry
    from modelmatrix.simulation.engine.replica import Replica
    from modelmatrix.simulation.engine.request import Completed, Request

_log = logging.getLogger(__name__)


class Door:
    """Traffic of a deployment, with or without engines behind it."""

    __slots__ = ("_arrivals", "_next", "entry", "expired", "lost", "rejected", "router", "slo", "verdicts")

    def __init__(self) -> None:
        self.router = Router()
        self.verdicts = Verdicts()
        self.slo = SloBounds()
        self.entry: TrafficEntry | None = None
        self.lost = self.rejected = self.expired = 0
        self._arrivals: Iterator[Request] = iter(())
        self._next: Request | None = None

    def open(self, entry: TrafficEntry | None, arrivals: Iterator[Request]) -> None:
        """Let other traffic in from now on; None for no more traffic."""
        self.entry, self._arrivals = entry, arrivals
        self.slo = entry.slo.bounds if entry else self.slo
        self._next = self._take()

    def tick(self, now: float) -> None:
        """Let everybody in who has arrived by now, and count whose request has ended."""
        while self._next is not None and self._next.arrival_seconds <= now:
            self.router.submit(self._next)
            self._next = self._take()
        completed, self.router.completed = self.router.completed, []
        self.collect(completed)
        if self.router.rejected:
            self.rejected += len(self.router.rejected)
            self.verdicts.miss(now, len(self.router.rejected))
            self.router.rejected.clear()
        self._expire(now)

    def collect(self, completed: list[Completed]) -> None:
        """Count finished requests."""
        for done in completed:
            self.verdicts.add(done, self.slo)

    def lose(self, replica: Replica, now: float) -> None:
        """An engine is gone with the requests that it had."""
        self.router.remove(replica)
        number = replica.in_flight
        self.lost += number
        self.verdicts.miss(now, number)

    def document(self, now: float) -> dict[str, Any]:
        """What ``/state`` says of the deployment, apart from its engines."""
        return {
            "arrivals": self.router.arrivals,
            "waitingForEngine": len(self.router.queue),
            "lost": self.lost,
            "rejected": self.rejected,
            "expired": self.expired,
            "total": self.verdicts.total.document(),
            "recent": self.verdicts.recent(now).document(),
        }

    def _expire(self, now: float) -> None:
        timeout = self.entry.timeout_seconds if self.entry else 0.0
        queue = self.router.queue
        while queue and queue[0].arrival_seconds < now - timeout:
            queue.popleft()
            self.expired += 1
            self.verdicts.miss(now, 1)

    def _take(self) -> Request | None:
        try:
            return next(self._arrivals, None)
        except TraceError as error:
            _log.error("no more traffic: %s", error)
            return None
