"""The devices that existing replicas hold, as placement sees them. Data only; ``observed_replicas`` makes it from pods.

A replica is one pod, or a group of pods on several whole nodes that serves only when all of them are bound. The default
scheduler binds pod by pod, so it can bind a part of a group, which then holds whole nodes for nothing. Therefore placement
creates a group only when enough whole nodes are free, and reads here what the scheduler made of it. A replica is in one state:

- running: every pod has its node. It keeps its devices.
- unbound: it lacks nodes, or has no pods yet. It gets its devices before anything new of its priority.
- stuck: a group that holds some of its nodes and has lacked the others for longer than ``PlanSettings.group_bind_seconds``. The
  status reports it, then it is removed, which frees its nodes, and the deployment creates no other group for a while.
"""

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
