"""Pods that were replicas a moment ago: Prometheus shows their last samples for a while yet, and they are no strangers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.signals.scrape_coverage import ReplicaTarget

# Prometheus ends the series of a target that is gone after two scrapes, and shows what is younger than five minutes till then.
FORGOTTEN_SECONDS = 300.0
_NONE: frozenset[str] = frozenset()


@dataclass(slots=True)
class RecentPods:
    """For each deployment, the pods that were its replicas and when they or their samples were seen last, in model seconds."""

    _seen: dict[NamespacedName, dict[str, float]] = field(default_factory=dict)

    def update(
        self, key: NamespacedName, leaders: Iterable[ReplicaTarget], shown: Collection[str], second: float
    ) -> frozenset[str]:
        """Take the replicas of a deployment and the pods that Prometheus shows into account; who was a replica and is none."""
        present = {leader.pod for leader in leaders}
        seen = self._seen.get(key, {})
        gone = {pod: second if pod in shown else last for pod, last in seen.items() if pod not in present}
        gone = {pod: last for pod, last in gone.items() if second - last <= FORGOTTEN_SECONDS}
        self._seen[key] = gone | dict.fromkeys(present, second)
        return frozenset(gone) if gone else _NONE

    def prune(self, *, but: Collection[NamespacedName]) -> None:
        """Forget deployments that are gone."""
        self._seen = {key: pods for key, pods in self._seen.items() if key in but}
