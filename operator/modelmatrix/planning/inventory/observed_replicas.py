"""Observed replicas: the pods of each workload grouped into replicas, and counted. Pure.

Readiness is counted from pods, because the status of a LeaderWorkerSet reports groups as ready whose workers are not even
scheduled.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field

from modelmatrix.planning.inventory.held_replicas import ObservedReplica, ObservedWorkload
from modelmatrix.planning.inventory.replica_problems import replica_problems
from modelmatrix.planning.snapshot.views import NamespacedName, PodProblem, PodView, Stage, WorkloadView


@dataclass(frozen=True, slots=True)
class Replica:
    """The pods of one replica: one pod, or the pods of a group. ``size`` is the number of pods of a complete one.

    ``leader`` is the pod that serves. ``bound``: every pod of the replica has its node. ``ready``: it serves and its group is
    complete. All three follow from the pods, and are computed once because a plan reads them often.
    """

    pods: tuple[PodView, ...]
    size: int
    leader: PodView | None = field(init=False)
    bound: bool = field(init=False)
    ready: bool = field(init=False)

    def __post_init__(self) -> None:
        leader = next((pod for pod in self.pods if pod.leader), None)
        bound = len(self.pods) >= self.size and all(pod.node for pod in self.pods)
        object.__setattr__(self, "leader", leader)
        object.__setattr__(self, "bound", bound)
        object.__setattr__(self, "ready", leader is not None and leader.ready and bound)

    def held(self, oldest_seconds: float) -> ObservedReplica:
        """What it holds; overdue when it is older than ``oldest_seconds`` and lacks nodes."""
        nodes = tuple(sorted(pod.node for pod in self.pods if pod.node))
        overdue = min(pod.created_seconds for pod in self.pods) < oldest_seconds
        leader = self.leader
        return ObservedReplica(
            nodes,
            self.size - len(nodes),
            overdue,
            leader.key if leader else None,
            leader.uid if leader else "",
            marked=leader is not None and leader.marked,
        )

    @property
    def starting_seconds(self) -> float | None:
        """Since when the replica has all of its nodes and does not serve, in seconds since the epoch; else ``None``."""
        if self.ready or not self.bound:
            return None
        return max(pod.bound_seconds or pod.created_seconds for pod in self.pods)

    @property
    def number(self) -> int:
        """The group's number in its LeaderWorkerSet; 0 for a single pod."""
        group = self.pods[0].group
        return int(group) if group.isdecimal() else 0

    @property
    def retention_rank(self) -> tuple[bool, bool, bool, float, str]:
        """Order in which replicas are retained: serving, complete and old ones first, marked ones last.

        Groups are retained in the order of their numbers: a LeaderWorkerSet always removes the highest.
        """
        if self.size > 1:
            return (False, False, False, float(self.number), self.pods[0].uid)
        leader = self.leader
        marked = leader is not None and leader.marked
        return (marked, not self.ready, not self.bound, min(pod.created_seconds for pod in self.pods), self.pods[0].uid)


@dataclass(frozen=True, slots=True)
class WorkloadReplicas:
    """Replicas of one workload.

    ``ready`` counts those that serve, ``existing`` those whose leader exists, ``draining`` those whose leader terminates.
    ``problems`` are those of its pods, each reason once; ``mixed`` says that its leaders come from several templates.
    Both times are since the epoch: since ``starting_seconds`` the replica that takes longest has had its nodes and does not
    serve; since ``incomplete_seconds`` a group has lacked pods.
    """

    replicas: tuple[Replica, ...] = ()
    ready: int = 0
    existing: int = 0
    draining: int = 0
    problems: tuple[PodProblem, ...] = ()
    mixed: bool = False
    starting_seconds: float | None = None
    incomplete_seconds: float | None = None

    def held(self, workload: WorkloadView, oldest_seconds: float) -> ObservedWorkload:
        """What the workload holds of its pool.

        A group that lacks nodes is not overdue while one of a higher number has them: that one would be removed in its place.
        """
        best = sorted(self.replicas, key=lambda replica: replica.retention_rank)[: workload.replicas]
        last_bound = max((index for index, replica in enumerate(best) if replica.bound), default=-1)
        limits = (oldest_seconds if index > last_bound else -math.inf for index in range(len(best)))
        return ObservedWorkload(
            workload.replicas, tuple(replica.held(limit) for replica, limit in zip(best, limits, strict=True))
        )

    def replicas_to_retain(self, count: int, workload: WorkloadView, gone: Container[str] = ()) -> int:
        """The ``spec.replicas`` with which the best ``count`` replicas stay, those ``gone`` set aside.

        Groups of a LeaderWorkerSet that serve may need others below them, because it removes the highest number. The pods of
        a Deployment that do not serve are the first to go by themselves.
        """
        if workload.nodes_per_replica == 1:
            return count
        groups = (r for r in self.replicas if r.number < workload.replicas and (r.leader is None or r.leader.uid not in gone))
        best = sorted(groups, key=lambda group: (not group.ready, not group.bound, group.number))[:count]
        return max([count, *(group.number + 1 for group in best)])


def observed_replicas(workloads: Iterable[WorkloadView], pods: Iterable[PodView]) -> dict[NamespacedName, WorkloadReplicas]:
    """Replicas by workload."""
    by_workload: defaultdict[NamespacedName, list[PodView]] = defaultdict(list)
    for pod in pods:
        if pod.workload:
            by_workload[NamespacedName(pod.key.namespace, pod.workload)].append(pod)
    return {w.key: _replicas(w, by_workload.get(w.key, ())) for w in workloads}


def _replicas(workload: WorkloadView, pods: Sequence[PodView]) -> WorkloadReplicas:
    """Pods that terminate or have failed belong to no replica: of those that terminate the leaders are counted."""
    groups: defaultdict[str, list[PodView]] = defaultdict(list)
    members = [pod for pod in pods if not pod.deleting and pod.stage is not Stage.FAILED]
    for pod in members:
        groups[pod.group or pod.uid].append(pod)
    replicas = tuple(Replica(tuple(group), workload.nodes_per_replica) for group in groups.values())
    return WorkloadReplicas(
        replicas=replicas,
        ready=sum(1 for replica in replicas if replica.ready),
        existing=sum(1 for replica in replicas if replica.leader is not None),
        draining=sum(1 for pod in pods if pod.deleting and pod.leader and pod.stage is not Stage.FAILED),
        problems=replica_problems(members, [pod for pod in pods if pod.stage is Stage.FAILED]),
        mixed=len({pod.controller_uid for pod in members if pod.leader}) > 1,
        starting_seconds=min((found for replica in replicas if (found := replica.starting_seconds) is not None), default=None),
        incomplete_seconds=min((p.created_seconds for r in replicas if len(r.pods) < r.size for p in r.pods), default=None),
    )
