"""Device quotas at the start of placement, and what of them a deployment meets at its end. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.placement.allocation import DeploymentAllocation, chip_of
from modelmatrix.planning.placement.fleet import DeploymentInputs, Fleet
from modelmatrix.planning.tenancy.quota import DeviceQuotas, Quota
from modelmatrix.planning.tenancy.tenancy import Tenancy


def quotas_of(tenancy: Tenancy, fleet: Fleet, pools: Mapping[str, PoolState]) -> DeviceQuotas:
    """The quotas, charged with what runs of deployments that placement leaves alone: no pool can run them any more."""
    quotas = tenancy.quotas()
    for inputs in fleet.deployments.values() if quotas.used else ():
        if inputs.desired is None or not inputs.fitting:
            _charge_running(inputs, fleet, pools, quotas)
    return quotas


def _charge_running(inputs: DeploymentInputs, fleet: Fleet, pools: Mapping[str, PoolState], quotas: DeviceQuotas) -> None:
    spec = inputs.view.spec
    account = quotas.account(inputs.key.namespace, spec.priority if spec else None)
    for workload in inputs.workloads:
        pool = pools.get(workload.pool)
        chip = pool.accelerator.id if pool and pool.accelerator else None
        bound = sum(1 for replica in fleet.replicas[workload.key].replicas if replica.bound)
        account.charge(chip, bound * workload.devices_per_replica)


def blocking_quotas(allocation: DeploymentAllocation, fitting: tuple[PoolOption, ...]) -> dict[str, Quota]:
    """By pool, the quota that keeps a missing replica from coming there; empty when none is missing."""
    if not allocation.shortage:
        return {}
    found = ((option.pool, allocation.quota_against(option)) for option in fitting)
    return {pool: quota for pool, quota in found if quota is not None}


def exceeded_quota(allocation: DeploymentAllocation, fitting: tuple[PoolOption, ...]) -> Quota | None:
    """A quota that the deployment's own replicas count against and that is exceeded, because it was lowered."""
    held = (option for option in fitting if allocation.replicas(option.pool))
    return next((quota for o in held if (quota := allocation.account.exceeded(chip_of(o))) is not None), None)
