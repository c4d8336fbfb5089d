"""How long replicas took to start, as far as their pods tell. Pure but for what is remembered of pods.

A pod tells when it became ready last, not when it did so first: only who has seen it before knows how long its start took.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from modelmatrix.signals.scrape_coverage import ReplicaTarget

# A pod that was ready when it was first seen may have been so before: more than this was no start.
LONGEST_START_SECONDS = 3600.0

Start = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The same moment in model time and in the time that objects carry."""

    second: float
    real_seconds: float
    time_scale: float

    def age(self, since_real_seconds: float) -> float:
        """Model seconds since a time that an object carries."""
        return max(0.0, (self.real_seconds - since_real_seconds) * self.time_scale)


@dataclass(slots=True)
class StartupTracker:
    """For each pod that was seen to be ready, when it became so first and how long that took, in model seconds."""

    by_pod: dict[str, Start] = field(default_factory=dict)

    def update(self, leaders: Iterable[ReplicaTarget], second: float) -> None:
        """Take the replicas of a fleet into account; those that are gone are forgotten."""
        known = self.by_pod
        self.by_pod = {
            leader.uid: known.get(leader.uid) or (second - leader.ready_seconds, leader.age_seconds - leader.ready_seconds)
            for leader in leaders
            if leader.ready_seconds is not None
        }

    def starts_of(self, leaders: Iterable[ReplicaTarget]) -> tuple[Start, ...]:
        """Starts of some replicas, in the order in which they ended."""
        found = (self.by_pod.get(leader.uid) for leader in leaders)
        return tuple(sorted(start for start in found if start is not None and start[1] <= LONGEST_START_SECONDS))


def ages_of_starting_replicas(leaders: Iterable[ReplicaTarget], starting: int) -> tuple[float, ...]:
    """Ages of so many replicas that start, the oldest first; those that have no pod yet are as young as can be."""
    ages = sorted((leader.age_seconds for leader in leaders if leader.ready_seconds is None), reverse=True)[:starting]
    return (*ages, *(0.0 for _ in range(starting - len(ages))))
