"""What replicas cost, and which prices can be compared: nothing is exchanged, and no price is not a low one. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.inventory.pool_state import PoolState

NOT_COMPARABLE = Decimal("Infinity")


def price_per_hour(option: PoolOption, pool: PoolState) -> Decimal:
    """Price of one replica for an hour; a pool without a price costs nothing."""
    price = pool.spec.price if pool.spec else None
    return Decimal(price.amount) * option.devices if price else Decimal(0)


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
    return next((found for option in options if (found := _currency(pools[option.pool])) is not None), None)


def _currency(pool: PoolState) -> str | None:
    return pool.spec.price.currency if pool.spec and pool.spec.price else None
