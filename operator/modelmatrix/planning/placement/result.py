"""The result of placement: from the allocation of all deployments to one DeploymentPlan for each. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.inventory.observed_replicas import WorkloadReplicas
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.placement.allocation import AllocationState, DeploymentAllocation, PoolAllocation, chip_of, shape_of
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan, EvictedReplica, PoolPlacement, RetiringWorkload
from modelmatrix.planning.placement.displacement import displaced_by
from modelmatrix.planning.placement.drain import drain_schedule
from modelmatrix.planning.placement.fleet import DeploymentInputs, Fleet
from modelmatrix.planning.placement.tenant_quotas import blocking_quotas, exceeded_quota
from modelmatrix.planning.rendering.workload_target import owner_of, workload_target
from modelmatrix.planning.rendering.workloads import RenderingCache, service_template, workload_template
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import NamespacedName, WorkloadView
from modelmatrix.planning.tenancy.quota import DeviceQuotas
from modelmatrix.planning.tenancy.tenancy import Tenancy


@dataclass(frozen=True, slots=True)
class PlacementResult:
    """The fleet and what it got. ``pools`` are those after placement; ``snapshot`` has the deployments as they count."""

    fleet: Fleet
    state: AllocationState
    pools: Mapping[str, PoolState]
    snapshot: Snapshot
    tenancy: Tenancy
    quotas: DeviceQuotas
    cache: RenderingCache

    def deployment_plans(self) -> dict[NamespacedName, DeploymentPlan]:
        """All deployments with their shares of the devices."""
        return {key: self.deployment_plan(key) for key in self.fleet.deployments}

    def deployment_plan(self, key: NamespacedName) -> DeploymentPlan:
        """One deployment with its share of the devices.

        Raises:
            KeyError: the fleet has no such deployment, or it is being deleted.
        """
        inputs = self.fleet.deployments[key]
        allocation = self.state.allocations.get(inputs.key) or DeploymentAllocation()
        replicas = self.fleet.replicas
        placements = tuple(self._placements(inputs, allocation))
        return DeploymentPlan(
            view=inputs.view,
            model=inputs.assessment.model,
            options=inputs.assessment.options,
            fitting=inputs.fitting,
            error=inputs.error,
            service=inputs.service,
            service_template=service_template(owner_of(inputs.view), self.cache),
            desired=inputs.desired,
            placements=placements,
            retiring=tuple(self._retiring(inputs, allocation, sum(placement.ready for placement in placements))),
            observed=tuple((workload, replicas[workload.key]) for workload in inputs.workloads),
            placed=allocation.placed,
            shortage=allocation.shortage,
            refused=allocation.refused,
            preempted_by=allocation.preempted_by,
            displaced_by=displaced_by(self.state, inputs.key, self.tenancy.names),
            names=self.tenancy.names,
            quotas=blocking_quotas(allocation, inputs.fitting),
            exceeded=exceeded_quota(allocation, inputs.fitting),
            evicted=tuple(EvictedReplica(pool, replica) for pool, replica in allocation.evicted),
            free_replicas_by_pool=self._free_replicas(inputs, allocation),
            pools=self.pools,
            failure=self.snapshot.failures.get(inputs.key),
            ready=self.fleet.ready(inputs.workloads),
            existing=sum(replicas[workload.key].existing for workload in inputs.workloads),
        )

    def _free_replicas(self, inputs: DeploymentInputs, allocation: DeploymentAllocation) -> dict[str, int]:
        """Counted only for deployments whose status or autoscaler reads it."""
        spec = inputs.view.spec
        if not allocation.shortage and (spec is None or spec.scaling is None):
            return {}
        return {option.pool: self._room(option, allocation) for option in inputs.fitting}

    def _room(self, option: PoolOption, allocation: DeploymentAllocation) -> int:
        """Replicas for which there are devices, and quotas that allow them."""
        free = self.state.bins[option.pool].room(shape_of(option))
        return allocation.account.room(chip_of(option), option.devices, most=free)

    def _placements(self, inputs: DeploymentInputs, allocation: DeploymentAllocation) -> Iterator[PoolPlacement]:
        snapshot = self.snapshot
        for option in inputs.fitting:
            grant, workload = allocation.by_pool.get(option.pool), inputs.current.get(option.pool)
            if workload is None and (grant is None or not (grant.replicas or grant.pending)):
                continue
            grant = grant or PoolAllocation()
            observed = self.fleet.replicas.get(workload.key) if workload else None
            target = workload_target(inputs.view, option, self.pools[option.pool], snapshot.catalogue, snapshot.settings)
            yield PoolPlacement(
                option=option,
                target=target,
                template=workload_template(target, self.cache),
                workload=workload,
                observed=observed,
                replicas=self._number(inputs, allocation, option, observed),
                waiting=len(grant.waiting),
                placed=grant.replicas,
                new_nodes=tuple(grant.new_nodes),
                surge=self.state.bins[option.pool].room(shape_of(option)) > 0,
            )

    def _number(
        self,
        inputs: DeploymentInputs,
        allocation: DeploymentAllocation,
        option: PoolOption,
        observed: WorkloadReplicas | None,
    ) -> int:
        """``spec.replicas`` of a workload; of a paused one the stored number."""
        workload = inputs.current.get(option.pool)
        if inputs.view.paused or self.pools[option.pool].view.paused:
            return workload.replicas if workload else 0
        return _replicas(inputs, allocation, option, observed)

    def _retiring(
        self, inputs: DeploymentInputs, allocation: DeploymentAllocation, ready_new: int
    ) -> Iterator[RetiringWorkload]:
        for workload, replicas, gives_way in drain_schedule(inputs, allocation, self.fleet, self.state, ready_new=ready_new):
            yield RetiringWorkload(workload, self.fleet.replicas[workload.key], replicas, gives_way)


def new_devices(deployments: Mapping[NamespacedName, DeploymentPlan]) -> dict[str, int]:
    """Devices by pool of the replicas that have no node yet."""
    devices: dict[str, int] = {}
    for deployment in deployments.values():
        for placement in deployment.placements:
            pool, count = placement.option.pool, len(placement.new_nodes) * placement.option.devices
            devices[pool] = devices.get(pool, 0) + count
    return devices


def _replicas(
    inputs: DeploymentInputs, allocation: DeploymentAllocation, option: PoolOption, observed: WorkloadReplicas | None
) -> int:
    """``spec.replicas`` of a workload: unchanged while the desired number is not known."""
    grant, workload = allocation.by_pool.get(option.pool, PoolAllocation()), inputs.current.get(option.pool)
    if inputs.desired is None and workload is not None:
        return workload.replicas
    replicas = grant.replicas - len(grant.waiting) + grant.pending
    return max(replicas, _held_back(replicas, allocation, workload, observed))


def _held_back(
    replicas: int, allocation: DeploymentAllocation, workload: WorkloadView | None, observed: WorkloadReplicas | None
) -> int:
    """The least ``spec.replicas`` with which the evicted replicas go and not others.

    Controllers choose what they remove: of a Deployment the marked pods, so it shrinks when all are marked; of a
    LeaderWorkerSet the groups with the highest numbers.
    """
    if workload is None or observed is None:
        return 0
    evicted = [replica for pool, replica in allocation.evicted if pool == workload.pool]
    if workload.nodes_per_replica > 1:
        return observed.replicas_to_retain(replicas, workload, gone={replica.uid for replica in evicted})
    return 0 if all(replica.marked for replica in evicted) else workload.replicas
