"""What deployments ask for and hold, and what placement allocates to them. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelmatrix.api.model_deployment import Priority
from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.inventory.held_replicas import ObservedReplica, ObservedWorkload
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.placement.bin_packing import PoolBins, ReplicaShape
from modelmatrix.planning.snapshot.views import DeploymentView, NamespacedName
from modelmatrix.planning.tenancy.quota import Quota, TenantAccount


@dataclass(frozen=True, slots=True)
class ReplicaDemand:
    """The replicas that a deployment should have, and what it has by pool.

    ``shares`` are the replicas that belong on each pool by the scaling policy; empty when it leaves the choice to placement.
    ``retired`` are devices by pool and node that its own old workloads hold until new replicas serve, ``retiring`` those
    workloads' replicas.
    ``backs_off``: the scheduler has just left a group partly bound, and no other one is made for a while.
    """

    view: DeploymentView
    fitting: tuple[PoolOption, ...]
    replicas: int
    held: Mapping[str, ObservedWorkload] = field(default_factory=dict)
    shares: Mapping[str, int] = field(default_factory=dict)
    retired: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    backs_off: bool = False
    retiring: int = 0

    @property
    def key(self) -> NamespacedName:
        """Identity of the deployment."""
        return self.view.key

    @property
    def priority(self) -> Priority | None:
        """The priority that counts; ``None`` for a spec that cannot be read."""
        return self.view.spec.priority if self.view.spec else None

    @property
    def priority_rank(self) -> int:
        """Greater gives way earlier; a spec that cannot be read ranks last."""
        return self.view.spec.priority.rank if self.view.spec else len(Priority)


@dataclass(slots=True)
class PoolAllocation:
    """Replicas of one deployment on one pool.

    ``running`` ones stay; ``new_nodes`` are the nodes that each further replica was packed into. ``waiting`` of those
    are groups whose nodes are not free yet and that must not be created now. ``pending`` replicas were created, found no
    devices, and stay as they are: they cost nothing, and the scheduler binds them when devices come free.
    """

    running: list[ObservedReplica] = field(default_factory=list)
    new_nodes: list[tuple[str, ...]] = field(default_factory=list)
    waiting: list[tuple[str, ...]] = field(default_factory=list)
    pending: int = 0

    @property
    def replicas(self) -> int:
        """All replicas that have devices."""
        return len(self.running) + len(self.new_nodes)


@dataclass(slots=True)
class DeploymentAllocation:
    """Replicas of one deployment by pool, what found no devices, and which deployments took replicas away.

    ``preempted_by`` counts the replicas that this plan takes away, by the deployment that gets their devices. ``evicted``
    are running replicas that must go, with their pools, so that others get just their devices. ``refused`` says that devices
    are there and the scheduler does not bind a group to them. ``account`` has the device quotas of the namespace.
    """

    by_pool: dict[str, PoolAllocation] = field(default_factory=dict)
    desired: int = 0
    preempted_by: dict[NamespacedName, int] = field(default_factory=dict)
    evicted: list[tuple[str, ObservedReplica]] = field(default_factory=list)
    refused: bool = False
    account: TenantAccount = field(default_factory=TenantAccount)

    def replicas(self, pool: str) -> int:
        """Replicas that have devices on a pool."""
        grant = self.by_pool.get(pool)
        return grant.replicas if grant else 0

    def quota_against(self, option: PoolOption) -> Quota | None:
        """The device quota that has no room for one more replica of an option; ``None`` when all have."""
        return self.account.blocking(chip_of(option), option.devices)

    def charge(self, option: PoolOption, replicas: int = 1) -> None:
        """Count replicas of an option against the quotas; a negative number gives them back."""
        self.account.charge(chip_of(option), replicas * option.devices)

    @property
    def placed(self) -> int:
        """Replicas that have devices, or will have them when terminating pods are gone."""
        total = 0
        for grant in self.by_pool.values():  # read ten times a deployment and plan: a generator would cost twice as much
            total += len(grant.running) + len(grant.new_nodes)
        return total

    @property
    def shortage(self) -> int:
        """Replicas that found no devices."""
        return max(0, self.desired - self.placed)


@dataclass(slots=True)
class AllocationState:
    """The state of placement: bins by pool, demands and allocations by deployment, in the order of placement."""

    bins: dict[str, PoolBins]
    demands: dict[NamespacedName, ReplicaDemand]
    allocations: dict[NamespacedName, DeploymentAllocation]

    def pools_after(self) -> dict[str, PoolState]:
        """All pools without the devices that were handed out."""
        return {name: bins.after() for name, bins in self.bins.items()}

    def is_paused(self, demand: ReplicaDemand, pool: str) -> bool:
        """Whether people have paused the deployment or the pool: nothing comes there, and nothing goes."""
        return demand.view.paused or self.bins[pool].pool.view.paused

    def option(self, key: NamespacedName, pool: str) -> PoolOption:
        """The fitting option of a deployment on a pool where it has replicas."""
        return next(o for o in self.demands[key].fitting if o.pool == pool)


def chip_of(option: PoolOption) -> str | None:
    """Catalogue id of the chip that an option uses."""
    return option.accelerator.id if option.accelerator else None


def shape_of(option: PoolOption) -> ReplicaShape:
    """Devices and nodes of one replica of the option."""
    return ReplicaShape(option.devices, option.nodes)
