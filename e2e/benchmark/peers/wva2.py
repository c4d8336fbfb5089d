"""llm-d's Workload Variant Autoscaler, version 2: tokens that are in use against tokens that replicas can hold.

From llm-d/llm-d-workload-variant-autoscaler internal/engines/analyzers/saturation_v2 and pipeline/cost_aware_optimizer.go:
a replica holds the lesser of 80 % of its KV memory and what was in use when its queue was full (the mean of the last ten
times), before that ``min(B * O / (I + O), S) * (I + O / 2)``. Demand above 85 % of the ready and starting capacity adds
replicas of the variant with the lowest cost per token; below 70 % of it, replicas of the most expensive variant are removed.
The desired number is a metric that a HorizontalPodAutoscaler per variant follows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import ceil, floor, isfinite
from typing import TYPE_CHECKING

from benchmark.environment.signals import ready, signals
from benchmark.peers.follower import Follower

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmark.peers.owner_settings import OwnerSettings, VariantCapacity
    from modelmatrix.simulation.cluster.policy import Observation

CYCLE_SECONDS = 60
KV_THRESHOLD, QUEUE_THRESHOLD = 0.8, 5.0
UP_THRESHOLD, DOWN_BOUNDARY = 0.85, 0.70
OBSERVATIONS = 10
_LENGTH_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Capacity:
    """One variant: cost and token capacity of a replica, ready and starting replicas, and the token demand."""

    name: str
    cost: float
    tokens: float
    serving: int
    pending: int
    demand: float


def derived_tokens(budget: float, slots: float, input_tokens: float, output_tokens: float) -> float:
    """Tokens of the requests that an engine runs in a steady state at its token budget."""
    if output_tokens <= 0:
        return 0.0
    running = min(budget * output_tokens / (input_tokens + output_tokens), slots)
    return running * (input_tokens + output_tokens / 2.0)


def replicas_to_add(
    capacities: Sequence[Capacity], up_threshold: float, free_replicas: Mapping[str, int], max_replicas: int
) -> dict[str, int]:
    """Replicas to add by variant, limited by free devices and by ``max_replicas`` in total."""
    supply = sum((one.serving + one.pending) * one.tokens for one in capacities)
    required = sum(one.demand for one in capacities) / up_threshold - supply
    added: dict[str, int] = {}
    for one in sorted(capacities, key=lambda one: one.cost / one.tokens):
        if required > 0:
            added[one.name] = min(ceil(required / one.tokens), free_replicas.get(one.name, max_replicas), max_replicas)
            max_replicas -= added[one.name]
            required -= added[one.name] * one.tokens
    return added


def replicas_to_remove(capacities: Sequence[Capacity], down_boundary: float) -> dict[str, int]:
    """Replicas to remove by variant; the last one of the cheapest variant stays if no other has any."""
    spare = sum(one.serving * one.tokens for one in capacities) - sum(one.demand for one in capacities) / down_boundary
    left = {one.name: one.serving + one.pending for one in capacities}
    cheapest = min(capacities, key=lambda one: one.cost).name
    removed: dict[str, int] = {}
    for one in sorted(capacities, key=lambda one: -one.cost):
        others = sum(number for name, number in left.items() if name != one.name)
        removable = left[one.name] - (1 if one.name == cheapest and not others else 0)
        removed[one.name] = max(0, min(removable, floor(spare / one.tokens)))
        left[one.name] -= removed[one.name]
        spare -= removed[one.name] * one.tokens
    return removed


class Wva2:
    """The token-based saturation analyzer with the cost-aware optimizer, which leaves out pools without free devices.

    With ``is_told`` it gets the tokens that a replica has in flight when it just meets the SLO, instead of using its own
    estimate, which ignores latency.
    """

    name = "wva-v2"

    def __init__(self, site: OwnerSettings, up_threshold: float = UP_THRESHOLD, *, is_told: bool = False) -> None:
        self._site, self._is_told = site, is_told
        self._up = up_threshold
        self._down = up_threshold * DOWN_BOUNDARY / UP_THRESHOLD
        self._observed: dict[str, deque[float]] = {choice.name: deque(maxlen=OBSERVATIONS) for choice in site.choices}
        self._followers = {choice.name: Follower() for choice in site.choices}

    def decide(self, observation: Observation) -> dict[str, int]:
        """The desired number of replicas of each variant."""
        capacities = [self._capacity(observation, choice) for choice in self._site.choices]
        known = [one for one in capacities if one is not None]
        if len(known) < len(capacities) or not any(one.serving for one in known):
            return {}
        most = max(0, self._site.max_replicas - sum(observation.desired.values()))
        added = replicas_to_add(known, self._up, observation.free_replicas_by_variant, most)
        changes = added or {name: -number for name, number in replicas_to_remove(known, self._down).items()}
        desired = {
            name: follower.replicas(observation.second, observation.desired[name], changes.get(name, 0))
            for name, follower in self._followers.items()
        }
        return desired if sum(desired.values()) >= self._site.min_replicas else {}

    def _capacity(self, observation: Observation, choice: VariantCapacity) -> Capacity | None:
        """The capacity of a variant; ``None`` if its ready replicas have no samples."""
        serving = ready(observation, choice.name)
        pending = max(0, observation.desired[choice.name] - serving)
        seen = signals(observation, choice.name)
        usage, queue = seen.gauge(lambda sample: sample.kv_usage_ratio), seen.gauge(lambda sample: sample.waiting)
        if serving and (usage is None or queue is None or not isfinite(usage + queue)):
            return None
        in_use = (usage or 0.0) * choice.limits.kv_tokens if serving else 0.0
        input_tokens, output_tokens = _lengths(observation)
        if serving and in_use > 0 and (queue or 0.0) / serving >= QUEUE_THRESHOLD:
            self._observed[choice.name].append(in_use)
        demand = in_use * serving + (queue or 0.0) * input_tokens if serving else 0.0
        tokens = self._tokens(choice, input_tokens, output_tokens)
        return Capacity(choice.name, choice.cost, tokens, serving, pending, demand)

    def _tokens(self, choice: VariantCapacity, input_tokens: float, output_tokens: float) -> float:
        if self._is_told:
            return choice.in_flight * self._site.lengths.mean_context_tokens
        limits, observed = choice.limits, self._observed[choice.name]
        memory = KV_THRESHOLD * limits.kv_tokens
        if observed:
            return min(memory, sum(observed) / len(observed))
        derived = derived_tokens(limits.max_num_batched_tokens, limits.max_num_seqs, input_tokens, output_tokens)
        return min(memory, derived) if derived > 0 else memory


def _lengths(observation: Observation) -> tuple[float, float]:
    """Mean input and output tokens of the last minutes; 0 if no request finished."""
    seen = signals(observation)
    finished = lambda sample: sample.finished  # noqa: E731
    return (
        seen.ratio(lambda sample: sample.request_prompt_tokens, finished, _LENGTH_SECONDS) or 0.0,
        seen.ratio(lambda sample: sample.request_generation_tokens, finished, _LENGTH_SECONDS) or 0.0,
    )
