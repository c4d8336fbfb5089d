"""What a plan knows about one deployment: the base of its actions, its status, its events and every explanation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.inventory.observed_replicas import WorkloadReplicas
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.placement.allocation import DeploymentAllocation
from modelmatrix.planning.placement.fleet import DeploymentInputs
from modelmatrix.planning.rendering.workload_target import WorkloadTarget
from modelmatrix.planning.snapshot.snapshot import WriteFailure
from modelmatrix.planning.snapshot.views import NamespacedName, WorkloadView


@dataclass(frozen=True, slots=True)
class PoolPlacement:
    """Replicas of a deployment on one pool.

    ``replicas`` is what the workload is told; ``waiting`` further ones wait until whole nodes are free. ``surge`` says
    whether there is room for one more replica.
    """

    option: PoolOption
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
class DeploymentPlan:
    """One deployment after placement.

    ``observed`` are the replicas of all of its workloads, those that retire too. ``rooms`` are the replicas that each pool
    could still take, where somebody asks: replicas are missing, or scaled. ``displaced_by`` counts missing replicas by the
    deployment that has their devices.
    """

    member: DeploymentInputs
    assignment: DeploymentAllocation
    placed: tuple[PoolPlacement, ...]
    retiring: tuple[tuple[WorkloadView, int], ...]
    observed: tuple[tuple[WorkloadView, WorkloadReplicas], ...]
    rooms: Mapping[str, int]
    pools: Mapping[str, PoolState]
    displaced_by: Mapping[NamespacedName, int]
    failure: WriteFailure | None
    ready: int
    existing: int

    @property
    def desired(self) -> int:
        """Replicas that are wanted."""
        return self.member.wanted.replicas if self.member.wanted else 0
