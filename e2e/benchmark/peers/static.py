"""No autoscaler: a fixed number of replicas for the busiest minute of the first seed, as a careful owner provisions."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from benchmark.environment.environments import arriving_per_second
from modelmatrix.simulation.cluster.policy import StaticPolicy

if TYPE_CHECKING:
    from benchmark.scenarios.scenario import Deployment

_MINUTE = 60


def static_peak(deployment: Deployment) -> StaticPolicy:
    """A fixed number of replicas of the home variant for the peak."""
    arriving = arriving_per_second(deployment.arrivals, 1)
    minutes = arriving[: len(arriving) // _MINUTE * _MINUTE].reshape(-1, _MINUTE).mean(axis=1)
    variant = deployment.home_variant
    needed = ceil(float(minutes.max()) / deployment.capacity_per_second(variant))
    return StaticPolicy({variant.name: min(max(needed, deployment.min_replicas), deployment.max_replicas)}, "static-peak")
