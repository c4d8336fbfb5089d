"""KubeAI's autoscaler: requests that are active at its proxy, averaged over ten minutes.

From kubeai-project/kubeai@f442a2c internal/modelautoscaler: every 10 s ``ceil(mean / targetRequests)``, 100 by default; a
decrease only after the third time in a row (``scaleDownDelaySeconds`` of 30).
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from benchmark.environment.signals import in_flight, signals

if TYPE_CHECKING:
    from benchmark.peers.owner_settings import OwnerSettings
    from modelmatrix.simulation.cluster.policy import Observation

INTERVAL_SECONDS = 10
WINDOW_SECONDS = 600.0
DELAY_SECONDS = 30.0
TARGET = 100.0


class KubeAi:
    """A Model with ``targetRequests``."""

    name = "kubeai"

    def __init__(self, site: OwnerSettings, target: float = TARGET) -> None:
        self._site, self._target = site, target
        self._falls = 0

    def decide(self, observation: Observation) -> dict[str, int]:
        """The desired number of replicas."""
        variant = self._site.home.name
        mean = signals(observation, variant).mean(in_flight, WINDOW_SECONDS)
        if mean is None:
            return {}
        desired = self._site.clamp(ceil(mean / self._target))
        self._falls = self._falls + 1 if desired < observation.desired[variant] else 0
        if 0 < self._falls < ceil(DELAY_SECONDS / INTERVAL_SECONDS):
            return {}
        self._falls = 0
        return {variant: desired}
