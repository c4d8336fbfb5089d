"""Which pool a deployment's next replica comes to, and which it leaves first.

The placement policy ranks the pools (``scaling.observation.pool_preference``). Before it come the shares: the replicas by pool
that the scaling policy decided, which it has ranked by the same preference. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from modelmatrix.api.model_deployment import PlacementPolicy
from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.placement.allocation import DeploymentAllocation, ReplicaDemand
from modelmatrix.planning.placement.bin_packing import PoolBins
from modelmatrix.planning.placement.pricing import compared_prices
from modelmatrix.scaling.observation.pool_preference import PoolStanding, preference_of


def preference(demand: ReplicaDemand, bins: Mapping[str, PoolBins]) -> list[PoolOption]:
    """Fitting options in the order of the deployment's placement policy, wherever its replicas are."""
    return _by_policy(demand, DeploymentAllocation(), bins)


def rank_for_scale_up(
    demand: ReplicaDemand, allocation: DeploymentAllocation, bins: Mapping[str, PoolBins]
) -> list[PoolOption]:
    """The options for one more replica: those below their share first, the others by the placement policy."""
    options = _by_policy(demand, allocation, bins)
    if demand.shares:
        options.sort(key=lambda option: not _lacks(demand, allocation, option, beyond=1))
    return options


def pick_for_scale_down(demand: ReplicaDemand, allocation: DeploymentAllocation, bins: Mapping[str, PoolBins]) -> PoolOption:
    """The option that loses a replica: the last by the placement policy, of those above their share if there are any."""
    present = [option for option in _by_policy(demand, allocation, bins) if allocation.replicas(option.pool)]
    above = [option for option in present if not _lacks(demand, allocation, option, beyond=0)]
    return (above or present)[-1]


def _lacks(demand: ReplicaDemand, allocation: DeploymentAllocation, option: PoolOption, *, beyond: int) -> bool:
    """Whether the option has its share at most, or ``beyond`` replicas less than that."""
    return bool(demand.shares) and allocation.replicas(option.pool) + beyond <= demand.shares.get(option.pool, 0)


def _by_policy(demand: ReplicaDemand, allocation: DeploymentAllocation, bins: Mapping[str, PoolBins]) -> list[PoolOption]:
    """Fitting options as the placement policy ranks them: the first gets a replica, the last loses one."""
    spec, options = demand.view.spec, list(demand.fitting)
    policy = preference_of(spec.placement if spec is not None else PlacementPolicy.ORDERED)
    if len(options) == 1 or not (policy.uses_costs or policy.uses_sites):
        return options  # a rank that depends on nothing else is the order of the spec
    costs = compared_prices(options, {o.pool: bins[o.pool].pool for o in options}) if policy.uses_costs else {}
    ranks = {}
    for position, option in enumerate(options):
        on_site = _replicas_on_site(option, allocation, bins) if policy.uses_sites else 0
        ranks[option.pool] = policy.rank(PoolStanding(position, float(costs.get(option.pool, 0)), on_site))
    return sorted(options, key=lambda option: ranks[option.pool])


def _replicas_on_site(option: PoolOption, allocation: DeploymentAllocation, bins: Mapping[str, PoolBins]) -> int:
    """Replicas of the deployment on the option's site; a pool without a site is a site of its own."""
    site = _site(option.pool, bins)
    return sum(grant.replicas for pool, grant in allocation.by_pool.items() if _site(pool, bins) == site)


def _site(pool: str, bins: Mapping[str, PoolBins]) -> str:
    spec = bins[pool].pool.spec
    return (spec.site if spec else None) or pool
