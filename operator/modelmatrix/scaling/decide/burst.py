"""A burst that no forecast knew: what the last scrapes show, and what waits already. Pure."""

from __future__ import annotations

from modelmatrix.performance.engine_timing import SloBounds

# Requests that wait for so much of the time that they may take: the rest is needed to serve them.
WAIT_SHARE = 0.4
# Where no bound says how long a request may wait.
USUAL_WAIT_SECONDS = 5.0
HEAD_ROOM = 1.05
# Half of a growth goes on.
MOMENTUM = 0.5
# What waits is served within the time that it takes to start replicas, but not faster than in a minute.
BACKLOG_SECONDS = 60.0


def burst_capacity(
    *, fast: float, before: float, waiting: float, served_per_second: float, start_seconds: float, slo: SloBounds
) -> float:
    """Requests per second that must be served to get out of a burst; 0.0 where there is none.

    Args:
        fast: arrivals per second over the last two scrapes.
        before: the same at the look before.
        waiting: requests that wait in engines.
        served_per_second: what the ready replicas serve within the SLO.
        start_seconds: how long a replica takes to start.
        slo: what requests may take.
    """
    patience = WAIT_SHARE * (slo.ttft_seconds or slo.e2e_seconds or USUAL_WAIT_SECONDS)
    if fast <= served_per_second and waiting <= patience * served_per_second:
        return 0.0
    growing = HEAD_ROOM * (fast + MOMENTUM * max(0.0, fast - before))
    return growing + waiting / max(BACKLOG_SECONDS, start_seconds)
