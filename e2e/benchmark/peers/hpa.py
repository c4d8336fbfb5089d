"""Kubernetes' HorizontalPodAutoscaler (autoscaling/v2) on one external metric with a target per replica.

From kubernetes/kubernetes pkg/controller/podautoscaler/{replica_calculator,horizontal}.go: within a tolerance of 10 % it
holds; a decrease waits for the highest recommendation of 300 s; an increase is at most the larger of 100 % and 4 pods in
15 s. A metric that cannot be read holds the number.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import ceil, floor, isnan
from typing import TYPE_CHECKING

from benchmark.environment.signals import in_flight, signals

if TYPE_CHECKING:
    from benchmark.peers.owner_settings import OwnerSettings
    from modelmatrix.simulation.cluster.policy import Observation

TOLERANCE = 0.1
SYNC_SECONDS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Behavior:
    """``spec.behavior``: stabilization windows, and the largest steps per period; of two policies the larger step applies."""

    up_window_seconds: float = 0.0
    down_window_seconds: float = 300.0
    up_percent: float = 100.0
    up_pods: int = 4
    up_period_seconds: float = 15.0
    down_percent: float = 100.0
    down_pods: int = 0
    down_period_seconds: float = 15.0


def desired_replicas(total: float, target_per_replica: float, replicas: int) -> int:
    """``ceil(total / target)``, or the present number while usage is within the tolerance of the target."""
    if replicas and abs(total / (target_per_replica * replicas) - 1.0) <= TOLERANCE:
        return replicas
    return ceil(total / target_per_replica)


class Horizontal:
    """The controller's handling of a recommendation: stabilization and limited steps."""

    def __init__(self, behavior: Behavior | None = None) -> None:
        self._behavior = behavior or Behavior()
        self._recommended: deque[tuple[float, int]] = deque()
        self._steps: deque[tuple[float, int]] = deque()

    def replicas(self, second: float, current: int, recommended: int) -> int:
        """The number of replicas after stabilization and step limits."""
        desired = self._stabilized(second, current, recommended)
        desired = (
            min(desired, self._highest(second, current)) if desired > current else max(desired, self._lowest(second, current))
        )
        if desired != current:
            self._steps.append((second, desired - current))
        return desired

    def _stabilized(self, second: float, current: int, recommended: int) -> int:
        rules, recommendations = self._behavior, self._recommended
        if not recommendations:
            # A controller that has just started uses the present number as its first recommendation.
            recommendations.append((second, current))
        recommendations.append((second, recommended))
        while recommendations[0][0] <= second - max(rules.up_window_seconds, rules.down_window_seconds, SYNC_SECONDS):
            recommendations.popleft()
        lowest = min((n for at, n in recommendations if at > second - rules.up_window_seconds), default=recommended)
        highest = max((n for at, n in recommendations if at > second - rules.down_window_seconds), default=recommended)
        return min(max(current, min(lowest, recommended)), max(highest, recommended))

    def _highest(self, second: float, current: int) -> int:
        rules = self._behavior
        before = current - self._changed(second, rules.up_period_seconds, 1)
        return max(before + rules.up_pods, ceil(before * (1.0 + rules.up_percent / 100.0)))

    def _lowest(self, second: float, current: int) -> int:
        rules = self._behavior
        before = current - self._changed(second, rules.down_period_seconds, -1)
        # Of two policies the larger step applies; a policy of 0 pods is ignored.
        return min(before - rules.down_pods, floor(before * (1.0 - rules.down_percent / 100.0)))

    def _changed(self, second: float, period_seconds: float, sign: int) -> int:
        """Replicas that were added (or removed) within the period."""
        while self._steps and self._steps[0][0] <= second - 3600.0:
            self._steps.popleft()
        return sum(step for at, step in self._steps if at > second - period_seconds and step * sign > 0)


class Hpa:
    """A HorizontalPodAutoscaler on requests in flight per replica."""

    name = "hpa"

    def __init__(self, site: OwnerSettings, target_in_flight: float) -> None:
        self._site, self._target = site, target_in_flight
        self._controller = Horizontal()

    def decide(self, observation: Observation) -> dict[str, int]:
        """The desired number of replicas."""
        variant = self._site.home.name
        current = observation.desired[variant]
        total = signals(observation, variant).gauge(in_flight)
        if total is None or isnan(total):
            return {}
        recommended = self._site.clamp(desired_replicas(total, self._target, current))
        return {variant: self._controller.replicas(observation.second, current, recommended)}
