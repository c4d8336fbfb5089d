"""The gateway of one deployment: its arrivals, the router over its ready engines, and the SLO counts of its requests.

Clients whose request waits too long for a ready engine give up. This module knows nothing about pods.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from engines.slo_counter import SloCounts
from modelmatrix.performance.engine_timing import SloBounds
from modelmatrix.simulation.cluster.router import Router
from modelmatrix.simulation.traces.files import TraceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engines.schedule import TrafficEntry
    from modelmatrix.simulation.engine.replica import Replica
    from modelmatrix.simulation.engine.request import Completed, Request

_log = logging.getLogger(__name__)


class Gateway:
    """The traffic of a deployment, with or without ready engines."""

    __slots__ = ("_arrivals", "_next", "entry", "expired", "lost", "rejected", "router", "slo", "slo_counts")

    def __init__(self) -> None:
        self.router = Router()
        self.slo_counts = SloCounts()
        self.slo = SloBounds()
        self.entry: TrafficEntry | None = None
        self.lost = self.rejected = self.expired = 0
        self._arrivals: Iterator[Request] = iter(())
        self._next: Request | None = None

    def set_traffic(self, entry: TrafficEntry | None, arrivals: Iterator[Request]) -> None:
        """Replace the traffic from now on; None stops it."""
        self.entry, self._arrivals = entry, arrivals
        self.slo = entry.slo.bounds if entry else self.slo
        self._next = self._next_arrival()

    def tick(self, now: float) -> None:
        """Route the requests that have arrived by now, and count those that have ended."""
        while self._next is not None and self._next.arrival_seconds <= now:
            self.router.submit(self._next)
            self._next = self._next_arrival()
        completed, self.router.completed = self.router.completed, []
        self.collect(completed)
        if self.router.rejected:
            self.rejected += len(self.router.rejected)
            self.slo_counts.miss(now, len(self.router.rejected))
            self.router.rejected.clear()
        self._expire(now)

    def collect(self, completed: list[Completed]) -> None:
        """Count finished requests against the SLO."""
        for request in completed:
            self.slo_counts.add(request, self.slo)

    def fail(self, replica: Replica, now: float) -> None:
        """Remove an engine; its requests in flight are lost."""
        self.router.remove(replica)
        number = replica.in_flight
        self.lost += number
        self.slo_counts.miss(now, number)

    def document(self, now: float) -> dict[str, Any]:
        """The counts of the deployment for ``/state``, without those of its engines."""
        return {
            "arrivals": self.router.arrivals,
            "waitingForEngine": len(self.router.queue),
            "lost": self.lost,
            "rejected": self.rejected,
            "expired": self.expired,
            "total": self.slo_counts.total.document(),
            "recent": self.slo_counts.recent(now).document(),
        }

    def _expire(self, now: float) -> None:
        timeout = self.entry.timeout_seconds if self.entry else 0.0
        queue = self.router.queue
        while queue and queue[0].arrival_seconds < now - timeout:
            queue.popleft()
            self.expired += 1
            self.slo_counts.miss(now, 1)

    def _next_arrival(self) -> Request | None:
        try:
            return next(self._arrivals, None)
        except TraceError as error:
            _log.error("the trace cannot be read, its traffic ends: %s", error)
            return None
