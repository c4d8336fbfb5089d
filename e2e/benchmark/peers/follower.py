"""A HorizontalPodAutoscaler on a metric that says how many replicas somebody else wants, as WVA's users set it up.

Without its tolerance, which would ignore one replica more or less from ten on.
"""

from __future__ import annotations

from benchmark.peers.hpa import Horizontal


class Follower:
    """The default behaviour: up at once, down after five minutes."""

    def __init__(self) -> None:
        self._controller = Horizontal()

    def replicas(self, second: float, current: int, change: int) -> int:
        """The number of replicas when so many more are wanted (or fewer)."""
        return self._controller.replicas(second, current, current + change)
