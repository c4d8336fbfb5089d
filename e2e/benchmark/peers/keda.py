"""KEDA's Prometheus scaler on the number of waiting requests, as vLLM's production stack configures it.

From kedacore/keda@8b4f083 pkg/scalers/prometheus_scaler.go: a query without an element, or one that is not a number, counts
as 0 (``ignoreNullValues`` is true by default). From 1 to N a HorizontalPodAutoscaler acts. The threshold of 5 is that of
vllm-project/production-stack@a6c01db.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from benchmark.environment.signals import signals, waiting
from benchmark.peers.hpa import Horizontal, desired_replicas

if TYPE_CHECKING:
    from benchmark.peers.owner_settings import OwnerSettings
    from modelmatrix.simulation.cluster.policy import Observation

THRESHOLD = 5.0


class Keda:
    """A ScaledObject on ``sum(vllm:num_requests_waiting)``."""

    name = "keda"

    def __init__(self, site: OwnerSettings, threshold: float = THRESHOLD) -> None:
        self._site, self._threshold = site, threshold
        self._controller = Horizontal()

    def decide(self, observation: Observation) -> dict[str, int]:
        """The desired number of replicas."""
        variant = self._site.home.name
        current = observation.desired[variant]
        total = value_or_zero(signals(observation, variant).gauge(waiting))
        recommended = self._site.clamp(desired_replicas(total, self._threshold, current))
        return {variant: self._controller.replicas(observation.second, current, recommended)}


def value_or_zero(value: float | None) -> float:
    """The value of a query under ``ignoreNullValues``: 0 for no value and for NaN."""
    return value if value is not None and isfinite(value) else 0.0
