"""Kthena's autoscaler: a metric per instance against a target, a panic mode, and an order of instances by cost.

From volcano-sh/kthena pkg/autoscaler/{algorithm/recommendation,algorithm/revision,autoscaler/optimizer}.go and the defaults
of webhook/autoscalingpolicy_mutator.go: tolerance 10 %; at most one more or twice as many in 15 s, unless the recommendation
is twice the present number: then it panics for 60 s. A decrease waits for the highest recommendation of 300 s. Its manual has
10 waiting requests as the target. Kinds of instances are filled in blocks that double (``costExpansionRatePercent`` 200), the
cheapest block first, as if every instance served the same.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import ceil, inf, isfinite
from typing import TYPE_CHECKING

from benchmark.environment.signals import in_flight, ready, signals, waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmark.peers.owner_settings import OwnerSettings, VariantCapacity
    from modelmatrix.simulation.cluster.policy import Observation
    from modelmatrix.simulation.engine.samples import EngineSample

WAITING_TARGET = 10.0
TOLERANCE = 0.1
DOWN_WINDOW_SECONDS = 300.0
UP_PERIOD_SECONDS = 15.0
PANIC_THRESHOLD = 2.0
PANIC_SECONDS = 60.0
EXPANSION = 2.0


def recommended_instances(total: float, target: float, instances: int, unready: int) -> int:
    """Instances for a metric's sum over the ready ones; those that are not ready count when it is above the target."""
    serving = instances - unready
    if serving <= 0:
        return instances
    ratio = total / serving / target
    if ratio < 1.0 or not unready:
        return instances if abs(ratio - 1.0) <= TOLERANCE else ceil(total / target)
    ratio = total / instances / target
    if abs(ratio - 1.0) <= TOLERANCE or ratio < 1.0:
        return instances
    return max(instances, ceil(total / target))


@dataclass(frozen=True, slots=True)
class Block:
    """A number of instances of one kind, added one after the other."""

    variant: str
    instances: int


def scaling_order(choices: Sequence[VariantCapacity], room: Callable[[VariantCapacity], int]) -> list[Block]:
    """The blocks of instances in the order of their addition."""
    priced: list[tuple[float, int, Block]] = []
    for index, choice in enumerate(choices):
        left, length = room(choice), 1.0
        while left > 0:
            size = min(left, int(length))
            priced.append((choice.cost * size, index, Block(choice.name, size)))
            left -= size
            length *= EXPANSION
    return [block for _, _, block in sorted(priced, key=lambda entry: entry[:2])]


def spread(instances: int, order: Sequence[Block]) -> dict[str, int]:
    """The first ``instances`` of the order, by kind."""
    numbers = {block.variant: 0 for block in order}
    for block in order:
        taken = min(instances, block.instances)
        numbers[block.variant] += taken
        instances -= taken
    return numbers


class Kthena:
    """An AutoscalingPolicy; without a target of requests in flight it uses waiting requests."""

    name = "kthena"

    def __init__(self, site: OwnerSettings, target_in_flight: float | None = None) -> None:
        self._site = site
        self._target = WAITING_TARGET if target_in_flight is None else target_in_flight
        self._read: Callable[[EngineSample], float] = waiting if target_in_flight is None else in_flight
        self._order = scaling_order(site.choices, lambda choice: min(choice.max_replicas, site.max_replicas))
        self._recommended: deque[tuple[float, int]] = deque()
        self._corrected: deque[tuple[float, int]] = deque()
        self._panic_until = -inf

    def decide(self, observation: Observation) -> dict[str, int]:
        """The desired number of instances of each kind."""
        current = sum(observation.desired.values())
        total = signals(observation).gauge(self._read)
        if total is None or not isfinite(total):
            return {}
        desired = recommended_instances(total, self._target, current, max(0, current - ready(observation)))
        desired = self._corrected_instances(observation.second, current, self._site.clamp(desired))
        return {**dict.fromkeys(observation.desired, 0), **spread(desired, self._order)}

    def _corrected_instances(self, second: float, current: int, recommended: int) -> int:
        for recommendations in (self._recommended, self._corrected):
            while recommendations and recommendations[0][0] <= second - DOWN_WINDOW_SECONDS:
                recommendations.popleft()
        if recommended >= PANIC_THRESHOLD * current:
            self._panic_until = second + PANIC_SECONDS
        if second < self._panic_until:
            desired = max(recommended, current)
        elif recommended < current:
            desired = min(current, max([recommended, *(n for _, n in self._recommended)]))
        else:
            least = min((n for at, n in self._corrected if at > second - UP_PERIOD_SECONDS), default=current)
            desired = max(current, min(recommended, max(least + 1, 2 * least)))
        self._recommended.append((second, recommended))
        self._corrected.append((second, desired))
        return desired
