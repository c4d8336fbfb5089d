"""Waiting times in front of an engine: for earlier prompts (one server), and for a slot or KV memory (many servers).

Standard approximations of G/G/1 and G/G/c queues (Allen-Cunneen; Sakasegawa 1977). A wait is zero with probability
``1 - busy`` and exponential otherwise, so that a percentile follows from its mean. Pure arithmetic in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt


@dataclass(frozen=True, slots=True)
class WaitTime:
    """A waiting time: its mean over all requests, and the probability that a request waits at all."""

    mean_seconds: float
    busy: float

    def at(self, percentile: float | None) -> float:
        """The wait in seconds at a percentile (50 to below 100), or its mean without one."""
        if percentile is None:
            return self.mean_seconds
        share = 1.0 - percentile / 100.0
        return self.mean_seconds / self.busy * log(self.busy / share) if self.busy > share else 0.0


def single_server_wait(rate_per_second: float, service_seconds: float, variability: float) -> WaitTime:
    """Wait for one server that takes ``service_seconds`` for a request (Allen-Cunneen); the load must be below 1.

    ``variability`` is the mean of the squared coefficients of variation of arrivals and of service times.
    """
    load = rate_per_second * service_seconds
    return WaitTime(load / (1.0 - load) * variability * service_seconds, load)


def many_server_wait(rate_per_second: float, capacity_per_second: float, servers: float, variability: float) -> WaitTime:
    """Wait for one of ``servers`` slots that together serve a capacity (Sakasegawa); the load must be below 1."""
    load = rate_per_second / capacity_per_second
    busy = load ** (sqrt(2.0 * (servers + 1.0)) - 1.0)
    return WaitTime(busy / (capacity_per_second * (1.0 - load)) * variability, busy)
