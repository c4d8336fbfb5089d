"""How long replicas took to start, as far as their pods tell. Pure but for what is remembered of pods.

A pod tells when it became ready last, not when it did so first: only who has seen it before knows how long its start took.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from modelmatrix.planning.outlook import Outlook, PlacedOn
from modelmatrix.planning.replicas import Replica

# A pod that was ready when it was first seen may have been so before: more than this was no start.
LONGEST_START_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Moment:
    """The same moment in model time and in the time that objects carry."""

    second: float
    real_seconds: float
    time_scale: float

    def age(self, since_real_seconds: float) -> float:
        """Model seconds since a time that an object carries."""
        return max(0.0, (self.real_seconds - since_real_seconds) * self.time_scale)


@dataclass(slots=True)
class Starts:
    """For each pod that was seen to be ready, when it became so first and how long that took, in model seconds."""

    by_pod: dict[str, tuple[float, float]] = field(default_factory=dict)

    def see(self, outlooks: Iterable[Outlook], now: Moment) -> None:
        """Take the pods of a fleet into account; those that are gone are forgotten."""
        seen = {}
        for outlook in outlooks:
            for _, replicas in outlook.observed:
                for replica in replicas.replicas:
                    leader = replica.leader
                    if leader is not None and replica.ready:
                        seen[leader.uid] = self.by_pod.get(leader.uid) or _start(replica, now)
        self.by_pod = seen

    def of(self, placed: PlacedOn | None) -> tuple[tuple[float, float], ...]:
        """Starts on one pool."""
        replicas = placed.observed.replicas if placed and placed.observed else ()
        found = (self.by_pod.get(replica.leader.uid) for replica in replicas if replica.leader is not None)
        return tuple(sorted(start for start in found if start is not None and start[1] <= LONGEST_START_SECONDS))


def _start(replica: Replica, now: Moment) -> tuple[float, float]:
    leader = replica.leader
    if leader is None:
        raise AssertionError("a replica without a leader is not ready")
    age = now.age(leader.ready_seconds)
    return now.second - age, now.age(_created(replica)) - age


def starting_ages(placed: PlacedOn | None, starting: int, now: Moment) -> tuple[float, ...]:
    """Ages of so many replicas that start, the oldest first; those that have no pod yet are as young as can be."""
    replicas = placed.observed.replicas if placed and placed.observed else ()
    ages = sorted((now.age(_created(replica)) for replica in replicas if not replica.ready), reverse=True)[:starting]
    return (*ages, *(0.0 for _ in range(starting - len(ages))))


def _created(replica: Replica) -> float:
    return min(pod.created_seconds for pod in replica.pods)
