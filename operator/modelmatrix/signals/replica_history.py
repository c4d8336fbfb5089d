"""What is remembered of replicas from poll to poll: pods that are gone, and how long starts took. Pure.

``RecentPods``: Prometheus shows the last samples of a pod for minutes after it has gone. A reader that remembers the pod as a
replica does not take its samples for those of a foreign pod.

``StartupTracker``: a pod's Ready condition carries the time of its last transition, not of the first. Only a process that saw
the pod before that knows how long its start took; so the first observation is remembered by UID.

A restart loses both: samples of pods that went before it then count as unknown for a few minutes, and starts that cannot be
told from a later recovery are left out (``LONGEST_START_SECONDS``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.signals.scrape_coverage import ReplicaTarget

# Prometheus ends a series two scrapes after its target has gone, and shows samples for at most five minutes.
FORGOTTEN_SECONDS = 300.0
# A pod that was ready when it was first seen may have been so for long: more than this is not taken for a start.
LONGEST_START_SECONDS = 3600.0
_NONE: frozenset[str] = frozenset()

Start = tuple[float, float]


@dataclass(slots=True)
class RecentPods:
    """For each deployment, the pods that were its replicas and when they or their samples were seen last, in model seconds."""

    _seen: dict[NamespacedName, dict[str, float]] = field(default_factory=dict)

    def update(
        self, key: NamespacedName, leaders: Iterable[ReplicaTarget], shown: Collection[str], second: float
    ) -> frozenset[str]:
        """Note a deployment's replicas and the pods that Prometheus shows; the pods that were replicas and are not any more."""
        present = {leader.pod for leader in leaders}
        seen = self._seen.get(key, {})
        gone = {pod: second if pod in shown else last for pod, last in seen.items() if pod not in present}
        gone = {pod: last for pod, last in gone.items() if second - last <= FORGOTTEN_SECONDS}
        self._seen[key] = gone | dict.fromkeys(present, second)
        return frozenset(gone) if gone else _NONE

    def prune(self, *, but: Collection[NamespacedName]) -> None:
        """Forget deployments that are gone."""
        self._seen = {key: pods for key, pods in self._seen.items() if key in but}


@dataclass(slots=True)
class StartupTracker:
    """For each pod that was seen ready, when it became so first and how long that took, in model seconds."""

    by_pod: dict[str, Start] = field(default_factory=dict)

    def update(self, leaders: Iterable[ReplicaTarget], second: float) -> None:
        """Note the replicas of a whole fleet; those that are gone are forgotten."""
        known = self.by_pod
        self.by_pod = {
            leader.uid: known.get(leader.uid) or (second - leader.ready_seconds, leader.age_seconds - leader.ready_seconds)
            for leader in leaders
            if leader.ready_seconds is not None
        }

    def starts_of(self, leaders: Iterable[ReplicaTarget]) -> tuple[Start, ...]:
        """Starts of some replicas, in the order in which they ended."""
        starts = (self.by_pod.get(leader.uid) for leader in leaders)
        return tuple(sorted(start for start in starts if start is not None and start[1] <= LONGEST_START_SECONDS))


def ages_of_starting_replicas(leaders: Iterable[ReplicaTarget], starting: int) -> tuple[float, ...]:
    """Ages of ``starting`` replicas, the oldest first; a replica without a pod has the age 0."""
    ages = sorted((leader.age_seconds for leader in leaders if leader.ready_seconds is None), reverse=True)[:starting]
    return (*ages, *(0.0 for _ in range(starting - len(ages))))
