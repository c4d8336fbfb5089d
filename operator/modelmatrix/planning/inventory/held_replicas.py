"""The devices that existing replicas hold, as placement sees them. Data only; ``observed_replicas`` makes it from pods."""

from __future__ import annotations

from dataclasses import dataclass

from modelmatrix.planning.snapshot.views import NamespacedName


@dataclass(frozen=True, slots=True)
class ObservedReplica:
    """A replica with pods: the nodes that they are bound to, and how many nodes it still needs.

    ``overdue``: it has had pods without nodes for too long. ``leader`` is its serving pod, ``uid`` that pod's;
    ``marked`` says that the pod will be the first to go when its workload shrinks.
    """

    nodes: tuple[str, ...]
    missing: int = 0
    overdue: bool = False
    leader: NamespacedName | None = None
    uid: str = ""
    marked: bool = False

    @property
    def stuck(self) -> bool:
        """Whether it is a group that has held some of its nodes for too long without the others."""
        return self.overdue and bool(self.nodes) and self.missing > 0


@dataclass(frozen=True, slots=True)
class ObservedWorkload:
    """What a deployment has on one pool today: the workload's number of replicas, and those with pods, the best first."""

    replicas: int
    existing: tuple[ObservedReplica, ...] = ()

    @property
    def running(self) -> tuple[ObservedReplica, ...]:
        """Replicas that have all of their nodes."""
        return tuple(replica for replica in self.existing if not replica.missing)

    @property
    def unbound(self) -> list[ObservedReplica]:
        """Replicas of the workload's number that lack nodes, the most complete first, without stuck ones."""
        partial = sorted((r for r in self.existing if r.missing and not r.stuck), key=lambda replica: replica.missing)
        without_pods = self.replicas - len(self.existing)
        return [*partial, *[ObservedReplica((), missing=0)] * without_pods]

    @property
    def stuck(self) -> list[ObservedReplica]:
        """Groups that hold nodes in vain."""
        return [replica for replica in self.existing if replica.stuck]
