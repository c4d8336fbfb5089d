"""llm-d's SLO-aware guide: KEDA on how far the 90th percentiles of latency are from the SLO.

From llm-d/llm-d guides/workload-autoscaling README.slo-aware.md: ``s = max(P90 TTFT / SLO, P90 TPOT / SLO)``, at most 2, its
mean over 45 s; above 0.55 grow to ``n + ceil(n * (s * c / 0.55 - 1))`` with ``c`` the share that is ready, below 0.40 shrink by
``floor(n * (1 - s / 0.40))``. The HorizontalPodAutoscaler adds at most the larger of 100 % and 4 a minute after 30 s, and takes
one in two minutes after 180 s. Between 3 and 8 replicas.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import ceil, floor
from typing import TYPE_CHECKING

from benchmark.environment.signals import ready, signals
from benchmark.peers.hpa import Behavior, Horizontal

if TYPE_CHECKING:
    from benchmark.environment.signals import Signals
    from benchmark.peers.owner_settings import OwnerSettings
    from modelmatrix.simulation.cluster.policy import Observation

MEAN_SECONDS = 45.0
RATE_SECONDS = 60.0
HIGHEST = 2.0
PERCENTILE = 0.9
BEHAVIOR = Behavior(
    up_window_seconds=30.0,
    up_period_seconds=60.0,
    down_window_seconds=180.0,
    down_percent=0.0,
    down_pods=1,
    down_period_seconds=120.0,
)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The pressure above which it scales up, that below which it scales down, and the minimum of replicas."""

    up: float = 0.55
    down: float = 0.40
    least: int = 3


def recommended_replicas(pressure: float, replicas: int, serving: int, thresholds: Thresholds) -> int:
    """The number of replicas for a pressure."""
    credited = pressure * serving / replicas
    if credited > thresholds.up:
        return replicas + ceil(replicas * (credited / thresholds.up - 1.0))
    if pressure < thresholds.down:
        return replicas - floor(replicas * (1.0 - pressure / thresholds.down))
    return replicas


class LlmD:
    """The guide's ScaledObject."""

    name = "llm-d"

    def __init__(self, site: OwnerSettings, thresholds: Thresholds | None = None) -> None:
        self._site, self._thresholds = site, thresholds or Thresholds()
        self._controller = Horizontal(BEHAVIOR)
        self._pressures: deque[tuple[float, float]] = deque()

    def decide(self, observation: Observation) -> dict[str, int]:
        """The desired number of replicas."""
        variant = self._site.home.name
        current = observation.desired[variant]
        pressure = self._mean(observation.second, self._pressure(signals(observation, variant)))
        desired = recommended_replicas(pressure, max(1, current), ready(observation, variant), self._thresholds)
        desired = min(max(desired, self._thresholds.least, self._site.min_replicas), self._site.max_replicas)
        return {variant: self._controller.replicas(observation.second, current, desired)}

    def _pressure(self, signals: Signals) -> float:
        """The largest ratio of a latency to its bound, at most 2; 0 without traffic or without samples."""
        slo = self._site.slo
        bounds = (
            (slo.ttft_seconds, signals.quantile(lambda sample: sample.ttft, PERCENTILE, RATE_SECONDS)),
            (slo.tpot_seconds, signals.quantile(lambda sample: sample.time_per_output_token, PERCENTILE, RATE_SECONDS)),
            (slo.e2e_seconds, signals.quantile(lambda sample: sample.e2e, PERCENTILE, RATE_SECONDS)),
        )
        found = [value / bound for bound, value in bounds if bound is not None and value is not None]
        return min(HIGHEST, max(found, default=0.0))

    def _mean(self, second: float, pressure: float) -> float:
        self._pressures.append((second, pressure))
        while self._pressures[0][0] < second - MEAN_SECONDS:
            self._pressures.popleft()
        return sum(value for _, value in self._pressures) / len(self._pressures)
