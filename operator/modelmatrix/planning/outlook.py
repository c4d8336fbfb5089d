"""What a plan knows about one deployment: the base of its actions, its status, its events and every explanation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelmatrix.planning.assessment import Option
from modelmatrix.planning.demands import Assignment, Table
from modelmatrix.planning.fleet import Member
from modelmatrix.planning.pools import PoolState
from modelmatrix.planning.replicas import WorkloadReplicas
from modelmatrix.planning.snapshot import Failure
from modelmatrix.planning.targets import WorkloadTarget
from modelmatrix.planning.views import WorkloadView


@dataclass(frozen=True, slots=True)
class PlacedOn:
    """Replicas of a deployment on one pool.

    ``replicas`` is what the workload is told; ``waiting`` further ones wait until whole nodes are free. ``surge`` says
    whether there is room for one more replica.
    """

    option: Option
    target: WorkloadTarget
    workload: WorkloadView | None
    observed: WorkloadReplicas | None
    replicas: int
    waiting: int
    surge: bool

    @property
    def desired(self) -> int:
        """Replicas that belong on the pool."""
        return self.replicas + self.waiting

    @property
    def ready(self) -> int:
        """Replicas that serve."""
        return self.observed.ready if self.observed else 0


@dataclass(frozen=True, slots=True)
class Outlook:
    """One deployment after placement.

    ``observed`` are the replicas of all of its workloads, those that retire too. ``rooms`` are the replicas that each pool
    could still take, where somebody asks: replicas are missing, or scaled. ``table`` is what everybody got.
    """

    member: Member
    assignment: Assignment
    placed: tuple[PlacedOn, ...]
    retiring: tuple[tuple[WorkloadView, int], ...]
    observed: tuple[tuple[WorkloadView, WorkloadReplicas], ...]
    rooms: Mapping[str, int]
    pools: Mapping[str, PoolState]
    table: Table
    failure: Failure | None
    ready: int
    existing: int

    @property
    def desired(self) -> int:
        """Replicas that are wanted."""
        return self.member.wanted.replicas if self.member.wanted else 0
