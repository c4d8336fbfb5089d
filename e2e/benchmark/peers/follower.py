"""A HorizontalPodAutoscaler on a metric with the desired replicas of another controller, as WVA's users configure it.

Without its tolerance, which from ten replicas on would ignore a difference of one.
"""

from __future__ import annotations

from benchmark.peers.hpa import Horizontal


class Follower:
    """The default behaviour: scale up at once, scale down after five minutes."""

    def __init__(self) -> None:
        self._controller = Horizontal()

    def replicas(self, second: float, current: int, change: int) -> int:
        """The number of replicas for a desired change, which may be negative."""
        return self._controller.replicas(second, current, current + change)
