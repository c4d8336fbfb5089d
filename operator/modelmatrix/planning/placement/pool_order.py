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
from modelmatrix.scaling.observation.pool_preference import PoolPreference, PoolStanding, preference_of

Rank = tuple[float, int]


def preference(demand: ReplicaDemand, packing: Mapping[str, PoolBins]) -> list[PoolOption]:
    """Fitting options in the order of the deployment's placement policy, wherever its replicas are."""
    ranks = _ranks(demand, DeploymentAllocation(), packing)
    return sorted(demand.fitting, key=lambda option: ranks[option.pool])


def rank_for_scale_up(
    demand: ReplicaDemand, assignment: DeploymentAllocation, packing: Mapping[str, PoolBins]
) -> list[PoolOption]:
    """The options for one more replica: those below their share first, the others by the placement policy."""
    ranks = _ranks(demand, assignment, packing)
    return sorted(demand.fitting, key=lambda option: (not _lacks(demand, assignment, option, beyond=1), ranks[option.pool]))


def pick_for_scale_down(demand: ReplicaDemand, assignment: DeploymentAllocation, packing: Mapping[str, PoolBins]) -> PoolOption:
    """The option that loses a replica: the last by the placement policy, of those above their share if there are any."""
    ranks = _ranks(demand, assignment, packing)
    present = [option for option in demand.fitting if assignment.replicas(option.pool)]
    above = [option for option in present if not _lacks(demand, assignment, option, beyond=0)]
    return max(above or present, key=lambda option: ranks[option.pool])


def _lacks(demand: ReplicaDemand, assignment: DeploymentAllocation, option: PoolOption, *, beyond: int) -> bool:
    """Whether the option has its share at most, or ``beyond`` replicas less than that."""
    return bool(demand.shares) and assignment.replicas(option.pool) + beyond <= demand.shares.get(option.pool, 0)


def _ranks(demand: ReplicaDemand, assignment: DeploymentAllocation, packing: Mapping[str, PoolBins]) -> dict[str, Rank]:
    """The rank of each fitting option by pool: the first gets a replica, the last loses one."""
    policy = _preference_of(demand)
    costs = compared_prices(demand.fitting, {o.pool: packing[o.pool].pool for o in demand.fitting}) if policy.uses_costs else {}
    ranks = {}
    for position, option in enumerate(demand.fitting):
        on_site = _replicas_on_site(option, assignment, packing) if policy.uses_sites else 0
        ranks[option.pool] = policy.rank(PoolStanding(position, float(costs.get(option.pool, 0)), on_site))
    return ranks


def _preference_of(demand: ReplicaDemand) -> PoolPreference:
    spec = demand.view.spec
    return preference_of(spec.placement if spec is not None else PlacementPolicy.ORDERED)


def _replicas_on_site(option: PoolOption, assignment: DeploymentAllocation, packing: Mapping[str, PoolBins]) -> int:
    """Replicas of the deployment on the option's site; a pool without a site is a site of its own."""
    site = _site(option.pool, packing)
    return sum(grant.replicas for pool, grant in assignment.grants.items() if _site(pool, packing) == site)


def _site(pool: str, packing: Mapping[str, PoolBins]) -> str:
    spec = packing[pool].pool.spec
    return (spec.site if spec else None) or pool
