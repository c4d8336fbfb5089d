"""The scaling policy: up fast, down slowly, and never on what is unknown.

What a replica can do follows from the engine's timing; what is needed from arrivals and the measured share of requests
within the SLO. Missing or stale signals hold the number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from modelmatrix.api.reasons import Reason
from modelmatrix.performance.timing import Lengths
from modelmatrix.scaling.observation import Decision, History, Observation, Share, Traffic

HEAD_ROOM = 1.15  # arrivals of a minute are not those of the next
STABLE_SECONDS = 300.0
MIN_REQUESTS = 20.0  # fewer say nothing about a percentage
BOOST = 0.25
LARGEST_STEP_DOWN = 0.25


@dataclass(frozen=True, slots=True)
class ReactiveMemory:
    """Numbers that were recommended lately, with their times, and when the last boost was given."""

    recommended: tuple[tuple[float, int], ...] = ()
    boosted_at: float = -math.inf


class ReactivePolicy:
    """Capacity of a replica against arrivals, corrected by the measured attainment."""

    name = "reactive"

    def recall(self, second: float) -> ReactiveMemory:
        """Nothing is known; ``second`` starts the window in which nothing is taken away."""
        return ReactiveMemory(boosted_at=second)

    def rebuild(self, history: History, second: float) -> ReactiveMemory:
        """This policy learns nothing from the past."""
        del history
        return self.recall(second)

    def decide(self, observation: Observation, memory: ReactiveMemory) -> tuple[Decision, ReactiveMemory]:
        """The wanted number of replicas, and what to remember."""
        traffic = observation.traffic
        if traffic is None:
            return Decision(observation.desired, observation.quality, observation.quality_message), memory
        needed, figures = _needed(observation, traffic)
        boost = self._boost(observation, traffic, memory)
        if boost:
            needed, memory = max(needed, boost), replace(memory, boosted_at=observation.second)
        memory = _remember(observation.second, needed, memory)
        stable = max(number for _, number in memory.recommended)
        return _decision(observation, needed, stable, figures), memory

    def _boost(self, observation: Observation, traffic: Traffic, memory: ReactiveMemory) -> int:
        """More than there is, when the SLO is missed and the replicas of the last boost serve; else 0."""
        attained = attainment(traffic)
        slowest = max((variant.start_seconds for variant in observation.variants), default=0.0)
        settled = observation.second - memory.boosted_at > slowest
        if attained is None or attained >= observation.slo.percentile or observation.starting or not settled:
            return 0
        return observation.ready + max(1, math.ceil(BOOST * observation.ready))


def attainment(traffic: Traffic) -> float | None:
    """Percentage of requests within the SLO: a lower bound, because two histograms know no joint share."""
    shares = [share for share in (traffic.ttft, traffic.tpot, traffic.e2e) if share is not None]
    if not shares or min(share.requests for share in shares) < MIN_REQUESTS:
        return None
    return max(0.0, 100.0 - sum(_missed_percent(share) for share in shares))


def _missed_percent(share: Share) -> float:
    return 100.0 * (1 - share.ratio)


def _needed(observation: Observation, traffic: Traffic) -> tuple[int, dict[str, float]]:
    """Replicas that serve what arrives, with head room, and what waits within a minute."""
    lengths = Lengths(input_tokens=traffic.input_tokens, output_tokens=traffic.output_tokens)
    capacities = [
        v.timing.capacity_per_second(observation.slo, lengths, v.limits).requests_per_second for v in observation.variants
    ]
    usable = [capacity for capacity in capacities if capacity > 0]
    rate = HEAD_ROOM * max(traffic.arrivals_per_second, traffic.arrivals_per_second_long) + traffic.waiting / 60
    figures = {"arrivalsPerSecond": round(traffic.arrivals_per_second, 3), "waiting": round(traffic.waiting, 1)}
    if not usable or rate == 0:
        return (0 if traffic.is_idle else max(1, observation.desired)), figures
    capacity = min(usable)
    return max(1, math.ceil(rate / capacity)), {**figures, "capacityPerSecond": round(capacity, 3)}


def _remember(second: float, needed: int, memory: ReactiveMemory) -> ReactiveMemory:
    kept = tuple(entry for entry in memory.recommended if second - entry[0] <= STABLE_SECONDS)
    return replace(memory, recommended=(*kept, (second, needed)))


def _decision(observation: Observation, needed: int, stable: int, figures: dict[str, float]) -> Decision:
    lowest = max(observation.min_replicas, observation.floor)
    wanted = needed if needed > observation.desired else min(stable, observation.desired)
    step = max(1, int(LARGEST_STEP_DOWN * observation.desired))
    wanted = max(wanted, observation.desired - step)
    wanted = min(max(wanted, lowest), observation.max_replicas)
    words = ", ".join(f"{name} {value:g}" for name, value in figures.items())
    if wanted > observation.desired:
        return Decision(wanted, Reason.LOAD_RISING, words, figures)
    if wanted < observation.desired:
        return Decision(wanted, Reason.LOAD_FALLING, words, figures)
    return Decision(wanted, Reason.STEADY, words, figures)
