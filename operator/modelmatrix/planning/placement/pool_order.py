"""Which pool a deployment's next replica comes to, and which it leaves first. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from modelmatrix.api.model_deployment import PlacementPolicy
from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.placement.allocation import DeploymentAllocation, ReplicaDemand
from modelmatrix.planning.placement.bin_packing import PoolBins
from modelmatrix.planning.placement.pricing import compared_prices


def preference(demand: ReplicaDemand, packing: Mapping[str, PoolBins]) -> list[PoolOption]:
    """Fitting options in the order of the deployment's policy."""
    fitting = list(demand.fitting)
    spec = demand.view.spec
    if spec is not None and spec.placement is PlacementPolicy.CHEAPEST:
        prices = compared_prices(fitting, {option.pool: packing[option.pool].pool for option in fitting})
        fitting.sort(key=lambda option: prices[option.pool])
    return fitting


def rank_for_scale_up(
    demand: ReplicaDemand, assignment: DeploymentAllocation, packing: Mapping[str, PoolBins]
) -> list[PoolOption]:
    """The options for one more replica: those below their share first, with Spread the emptiest site first."""
    options = preference(demand, packing)
    if _spreads(demand):
        options.sort(key=lambda option: _site_share(option, assignment, packing))
    options.sort(key=lambda option: not _lacks(demand, assignment, option, beyond=1))
    return options


def pick_for_scale_down(demand: ReplicaDemand, assignment: DeploymentAllocation, packing: Mapping[str, PoolBins]) -> PoolOption:
    """The option that loses a replica: one above its share, the least preferred, or with Spread on the fullest site."""
    present = [o for o in preference(demand, packing) if assignment.replicas(o.pool)]
    present = [o for o in present if not _lacks(demand, assignment, o, beyond=0)] or present
    if _spreads(demand):
        return max(present, key=lambda option: _site_share(option, assignment, packing))
    return present[-1]


def _lacks(demand: ReplicaDemand, assignment: DeploymentAllocation, option: PoolOption, *, beyond: int) -> bool:
    """Whether the option has its share at most, or ``beyond`` replicas less than that."""
    return bool(demand.shares) and assignment.replicas(option.pool) + beyond <= demand.shares.get(option.pool, 0)


def _spreads(demand: ReplicaDemand) -> bool:
    return demand.view.spec is not None and demand.view.spec.placement is PlacementPolicy.SPREAD


def _site_share(option: PoolOption, assignment: DeploymentAllocation, packing: Mapping[str, PoolBins]) -> int:
    """Replicas of the deployment on the option's site."""
    site = _site(option.pool, packing)
    return sum(grant.replicas for pool, grant in assignment.grants.items() if _site(pool, packing) == site)


def _site(pool: str, packing: Mapping[str, PoolBins]) -> str:
    spec = packing[pool].pool.spec
    return (spec.site if spec else None) or pool
