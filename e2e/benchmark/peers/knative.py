"""Knative's pod autoscaler (KPA) on concurrency, which its own proxies measure.

From knative/serving@98e5ef9 pkg/autoscaler/scaling/autoscaler.go and config/core/configmaps/autoscaler.yaml: the mean of 60 s
over 70 % of a target of 100; when the mean of 6 s asks for twice what is ready, it panics for 60 s and takes nothing away.
Its tick of 2 s is 10 s here.
"""

from __future__ import annotations

from math import ceil, floor, inf
from typing import TYPE_CHECKING

from benchmark.environment.signals import in_flight, ready, signals

if TYPE_CHECKING:
    from benchmark.peers.owner_settings import OwnerSettings
    from modelmatrix.simulation.cluster.policy import Observation

TARGET = 70.0
STABLE_SECONDS = 60.0
PANIC_SECONDS = 6.0
PANIC_THRESHOLD = 2.0
MAX_UP, MAX_DOWN = 1000.0, 2.0


def desired_pods(concurrency: float, target: float, ready_pods: int) -> int:
    """``ceil(concurrency / target)`` within the maximal rates of change."""
    pods = max(1, ready_pods)
    return min(max(ceil(concurrency / target), floor(pods / MAX_DOWN)), ceil(MAX_UP * pods))


class Knative:
    """A revision with the class ``kpa.autoscaling.knative.dev``."""

    name = "knative"

    def __init__(self, site: OwnerSettings, target: float = TARGET) -> None:
        self._site, self._target = site, target
        self._panic_second = -inf
        self._panic_pods = 0

    def decide(self, observation: Observation) -> dict[str, int]:
        """The desired number of pods."""
        variant = self._site.home.name
        seen = signals(observation, variant)
        stable, panic = seen.mean(in_flight, STABLE_SECONDS), seen.mean(in_flight, PANIC_SECONDS)
        if stable is None or panic is None:
            return {}
        pods = ready(observation, variant)
        desired = self._pods(
            observation.second, pods, desired_pods(stable, self._target, pods), desired_pods(panic, self._target, pods)
        )
        return {variant: self._site.clamp(desired)}

    def _pods(self, second: float, pods: int, stable: int, panic: int) -> int:
        if panic / max(1, pods) >= PANIC_THRESHOLD:
            if second - self._panic_second > STABLE_SECONDS:
                self._panic_pods = 0
            self._panic_second = second
        if second - self._panic_second > STABLE_SECONDS:
            return stable
        self._panic_pods = max(self._panic_pods, panic, pods)
        return max(stable, self._panic_pods)
