"""llm-d's Workload Variant Autoscaler, version 1: spare KV memory and queue, one replica at a time.

From llm-d/llm-d-workload-variant-autoscaler@b08b1c7: every 60 s; a replica is saturated at 80 % of KV or 5 waiting (the
highest of a minute). One more of the cheapest variant when the mean of the others spares less than 10 % or 3; one less of the
dearest when the same holds after its load is spread; nothing while any replica is on its way. A HorizontalPodAutoscaler per
variant follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from benchmark.environment.signals import ready, signals
from benchmark.peers.follower import Follower

if TYPE_CHECKING:
    from benchmark.peers.owner_settings import OwnerSettings
    from modelmatrix.simulation.cluster.policy import Observation

CYCLE_SECONDS = 60
KV_THRESHOLD, QUEUE_THRESHOLD = 0.8, 5.0
KV_SPARE, QUEUE_SPARE = 0.1, 3.0


@dataclass(frozen=True, slots=True)
class Load:
    """The replicas of one variant, assumed equal: the share of KV memory in use, and waiting requests of each."""

    replicas: int
    kv_usage: float
    queue: float

    @property
    def is_saturated(self) -> bool:
        """Whether its replicas are saturated by KV memory or queue."""
        return self.kv_usage >= KV_THRESHOLD or self.queue >= QUEUE_THRESHOLD


def step(loads: list[Load], kv_spare: float, queue_spare: float) -> int:
    """Replicas to add: 1, 0 or -1."""
    free = [load for load in loads if not load.is_saturated and load.replicas]
    number = sum(load.replicas for load in free)
    if not number:
        return 1
    kv_usage = sum(load.kv_usage * load.replicas for load in free) / number
    queue = sum(load.queue * load.replicas for load in free) / number
    if KV_THRESHOLD - kv_usage < kv_spare or QUEUE_THRESHOLD - queue < queue_spare:
        return 1
    if number < 2:
        return 0
    after = number / (number - 1)
    spares = KV_THRESHOLD - kv_usage * after >= kv_spare and QUEUE_THRESHOLD - queue * after >= queue_spare
    return -1 if spares else 0


class Wva1:
    """The saturation analyzer."""

    name = "wva-v1"

    def __init__(self, site: OwnerSettings, kv_spare: float = KV_SPARE, queue_spare: float = QUEUE_SPARE) -> None:
        self._site, self._kv_spare, self._queue_spare = site, kv_spare, queue_spare
        self._followers = {choice.name: Follower() for choice in site.choices}

    def decide(self, observation: Observation) -> dict[str, int]:
        """The desired number of replicas of each variant."""
        desired = dict(observation.desired)
        if any(number != ready(observation, name) for name, number in desired.items()):
            return {}
        loads = [load for name in desired if (load := self._load(observation, name)) is not None]
        change = step(loads, self._kv_spare, self._queue_spare) if loads else 0
        variant = self._cheapest(observation) if change > 0 else self._most_expensive(desired)
        for name, follower in self._followers.items():
            desired[name] = follower.replicas(observation.second, desired[name], change if name == variant else 0)
        return desired if self._site.min_replicas <= sum(desired.values()) <= self._site.max_replicas else {}

    def _cheapest(self, observation: Observation) -> str:
        """The variant to scale up: the cheapest with free devices, or the cheapest of all."""
        choices = sorted(self._site.choices, key=lambda choice: choice.cost)
        free = [choice for choice in choices if observation.free_replicas_by_variant.get(choice.name, 1) > 0]
        return (free or choices)[0].name

    def _most_expensive(self, numbers: dict[str, int]) -> str:
        """The variant to scale down."""
        costs = {choice.name: choice.cost for choice in self._site.choices}
        return max((name for name in numbers if numbers[name] > 0), key=lambda name: costs.get(name, 0.0))

    def _load(self, observation: Observation, variant: str) -> Load | None:
        seen, replicas = signals(observation, variant), ready(observation, variant)
        kv_usage = seen.highest(lambda sample: sample.kv_usage_ratio, CYCLE_SECONDS)
        queue = seen.highest(lambda sample: sample.waiting, CYCLE_SECONDS)
        if not replicas or kv_usage is None or queue is None or not isfinite(kv_usage + queue):
            return None
        return Load(replicas, kv_usage, queue / replicas)
