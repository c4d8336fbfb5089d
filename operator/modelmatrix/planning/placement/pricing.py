"""What a deployment's devices cost per hour, and which prices can be compared. Pure.

``device_costs`` is the one sum: status.costPerHour, the metric modelmatrix_deployment_cost_per_hour and the commands plan, cost
and report show it. It counts the devices of all replicas that belong on a pool or still retire from it. Amounts in different
currencies are never added or compared, and an unknown price is neither zero nor low.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from modelmatrix.api.accelerator_pool import Price
from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan

NOT_COMPARABLE = Decimal("Infinity")


class DeviceCost(NamedTuple):
    """Devices of a deployment on a pool and their price per hour; ``None`` and 0 if the pool has no price."""

    pool: str
    currency: str | None
    devices: int
    amount: Decimal


def device_costs(deployment: DeploymentPlan) -> list[DeviceCost]:
    """The cost of a deployment by pool, retiring replicas included."""
    devices: dict[str, int] = {}
    for pool, count in _devices(deployment):
        devices[pool] = devices.get(pool, 0) + count
    return [_cost(pool, count, _price(deployment.pools.get(pool))) for pool, count in devices.items()]


def sum_by_currency(costs: Iterable[DeviceCost]) -> dict[str, Decimal]:
    """Price per hour by currency; devices without a price are left out."""
    sums: dict[str, Decimal] = {}
    for cost in costs:
        if cost.currency is not None:
            sums[cost.currency] = sums.get(cost.currency, Decimal(0)) + cost.amount
    return sums


def price_per_hour(option: PoolOption, pool: PoolState) -> Decimal:
    """Price of one replica for an hour; 0 on a pool without a price."""
    return _cost(option.pool, option.devices, _price(pool)).amount


def compared_prices(options: Sequence[PoolOption], pools: Mapping[str, PoolState]) -> dict[str, Decimal]:
    """Prices of one replica by pool, in the currency of the first pool that has one; the others cannot be compared."""
    reference = compared_currency(options, pools)
    return {
        option.pool: price_per_hour(option, pools[option.pool])
        if _currency(pools[option.pool]) == reference
        else NOT_COMPARABLE
        for option in options
    }


def compared_currency(options: Sequence[PoolOption], pools: Mapping[str, PoolState]) -> str | None:
    """The currency in which the pools are compared; ``None`` when none has a price."""
    return next((currency for option in options if (currency := _currency(pools[option.pool])) is not None), None)


def _devices(deployment: DeploymentPlan) -> Iterator[tuple[str, int]]:
    for placement in deployment.placements:
        yield placement.option.pool, placement.target.layout.devices * placement.desired
    for retiring in deployment.retiring:
        yield retiring.workload.pool, retiring.workload.devices_per_replica * retiring.desired


def _cost(pool: str, devices: int, price: Price | None) -> DeviceCost:
    if price is None:
        return DeviceCost(pool, None, devices, Decimal(0))
    return DeviceCost(pool, price.currency, devices, Decimal(price.amount) * devices)


def _price(pool: PoolState | None) -> Price | None:
    return pool.spec.price if pool is not None and pool.spec is not None else None


def _currency(pool: PoolState) -> str | None:
    price = _price(pool)
    return price.currency if price else None
