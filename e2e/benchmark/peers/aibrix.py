"""AIBrix's APA: a metric per replica against a target, within a tolerance, at most doubled or halved.

From vllm-project/aibrix@e3e10f9 pkg/controller/podautoscaler: every 10 s, a mean over 180 s, tolerances of 10 %, rates of 2,
a decrease waits for the highest recommendation of 300 s. Its sample (samples/autoscaling/apa.yaml) has KV usage at 0.5.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import ceil, floor, isfinite
from typing import TYPE_CHECKING

from benchmark.environment.signals import in_flight, ready, signals

if TYPE_CHECKING:
    from benchmark.peers.owner_settings import OwnerSettings
    from modelmatrix.simulation.cluster.policy import Observation
    from modelmatrix.simulation.engine.samples import EngineSample

KV_TARGET = 0.5
WINDOW_SECONDS = 180.0
COOLDOWN_SECONDS = 300.0
TOLERANCE = 0.1
RATE = 2.0


def desired_pods(use: float, target: float, pods: int) -> int:
    """The desired number of pods for a value and a target per pod."""
    ratio = use / target
    if ratio > 1.0 + TOLERANCE:
        return min(ceil(pods * ratio), ceil(pods * RATE))
    if ratio < 1.0 - TOLERANCE:
        return max(ceil(pods * ratio), floor(pods / RATE))
    return pods


class Apa:
    """A PodAutoscaler with the strategy APA; without a target of requests in flight it uses KV usage."""

    name = "aibrix"

    def __init__(self, site: OwnerSettings, target_in_flight: float | None = None) -> None:
        self._site = site
        self._target = KV_TARGET if target_in_flight is None else target_in_flight
        self._read: Callable[[EngineSample], float] = _kv_usage if target_in_flight is None else in_flight
        self._is_per_pod = target_in_flight is None
        self._recommended: deque[tuple[float, int]] = deque()

    def decide(self, observation: Observation) -> dict[str, int]:
        """The desired number of pods."""
        variant = self._site.home.name
        pods = ready(observation, variant)
        use = signals(observation, variant).mean(self._read, WINDOW_SECONDS)
        if use is None or not isfinite(use) or not pods:
            return {}
        per_pod = use if self._is_per_pod else use / pods
        desired = self._site.clamp(desired_pods(per_pod, self._target, pods))
        return {variant: self._cooled(observation.second, desired)}

    def _cooled(self, second: float, desired: int) -> int:
        self._recommended.append((second, desired))
        while self._recommended[0][0] <= second - COOLDOWN_SECONDS:
            self._recommended.popleft()
        return max(number for _, number in self._recommended)


def _kv_usage(sample: EngineSample) -> float:
    return sample.kv_usage_ratio
