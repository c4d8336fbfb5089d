"""Which pool a deployment's next replica comes to, and which it leaves first. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from modelmatrix.api.model_deployment import PlacementPolicy
from modelmatrix.planning.assessment import Option
from modelmatrix.planning.demands import Assignment, Demand
from modelmatrix.planning.packing import PoolPacking
from modelmatrix.planning.prices import compared_prices


def preference(demand: Demand, packing: Mapping[str, PoolPacking]) -> list[Option]:
    """Fitting options in the order of the deployment's policy."""
    fitting = list(demand.case.fitting)
    spec = demand.case.spec
    if spec is not None and spec.placement is PlacementPolicy.CHEAPEST:
        prices = compared_prices(fitting, {option.pool: packing[option.pool].pool for option in fitting})
        fitting.sort(key=lambda option: prices[option.pool])
    return fitting


def next_to_come(demand: Demand, assignment: Assignment, packing: Mapping[str, PoolPacking]) -> list[Option]:
    """The options for one more replica: those below their share first, with Spread the emptiest site first."""
    options = preference(demand, packing)
    if _spreads(demand):
        options.sort(key=lambda option: _site_share(option, assignment, packing))
    options.sort(key=lambda option: not _lacks(demand, assignment, option, beyond=1))
    return options


def first_to_go(demand: Demand, assignment: Assignment, packing: Mapping[str, PoolPacking]) -> Option:
    """The option that loses a replica: one above its share, the least preferred, or with Spread on the fullest site."""
    present = [o for o in preference(demand, packing) if assignment.replicas(o.pool)]
    present = [o for o in present if not _lacks(demand, assignment, o, beyond=0)] or present
    if _spreads(demand):
        return max(present, key=lambda option: _site_share(option, assignment, packing))
    return present[-1]


def _lacks(demand: Demand, assignment: Assignment, option: Option, *, beyond: int) -> bool:
    """Whether the option has its share at most, or ``beyond`` replicas less than that."""
    return bool(demand.shares) and assignment.replicas(option.pool) + beyond <= demand.shares.get(option.pool, 0)


def _spreads(demand: Demand) -> bool:
    return demand.case.spec is not None and demand.case.spec.placement is PlacementPolicy.SPREAD


def _site_share(option: Option, assignment: Assignment, packing: Mapping[str, PoolPacking]) -> int:
    """Replicas of the deployment on the option's site."""
    site = _site(option.pool, packing)
    return sum(grant.replicas for pool, grant in assignment.grants.items() if _site(pool, packing) == site)


def _site(pool: str, packing: Mapping[str, PoolPacking]) -> str:
    spec = packing[pool].pool.spec
    return (spec.site if spec else None) or pool
