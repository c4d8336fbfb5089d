"""Warnings about a placement that works now and that a rollout or a failure will disturb. Pure.

They follow from the spec and from what pools have, not from what is free now: they change when a person changes something.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelmatrix.api.reasons import Reason
from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.placement.pricing import NOT_COMPARABLE, compared_currency, compared_prices
from modelmatrix.scaling.observation.pool_preference import preference_of


class PlacementWarning(NamedTuple):
    """One reason with its message."""

    reason: Reason
    message: str


def caveats(deployment: DeploymentPlan) -> Iterator[PlacementWarning]:
    """The warnings of a deployment that should have replicas and has a pool."""
    options = deployment.fitting
    if not options or not deployment.desired_replicas:
        return
    most, capacity, nodes = _most(deployment), 0, 0
    for option in options:
        pool = deployment.pools[option.pool]
        capacity += pool.replicas_when_empty(devices=option.devices, nodes=option.nodes)
        nodes += len(pool.nodes)
    if capacity <= most:
        yield PlacementWarning(
            Reason.NO_SURGE_CAPACITY,
            f"no room for a surge replica at {most} replicas, "
            f"{_names(options)} hold{'s' if len(options) == 1 else ''} {capacity}: "
            "a rollout then replaces replicas in place",
        )
    if nodes == 1:
        yield PlacementWarning(
            Reason.NO_REDUNDANCY, f"no redundancy: {_names(options)} has one node, whose loss or restart stops every replica"
        )
    yield from _not_comparable(deployment)


def _not_comparable(deployment: DeploymentPlan) -> Iterator[PlacementWarning]:
    """The placement policy compares prices, and some pools have none in the currency of the others."""
    options, spec = deployment.fitting, deployment.spec
    if spec is None or not preference_of(spec.placement).uses_costs:
        return
    prices = compared_prices(options, deployment.pools)
    unknown = tuple(option for option in options if prices[option.pool] == NOT_COMPARABLE)
    if unknown:
        currency, come = compared_currency(options, deployment.pools), "comes" if len(unknown) == 1 else "come"
        yield PlacementWarning(
            Reason.PRICE_NOT_COMPARABLE,
            f"{spec.placement} compares prices in {currency}: {_names(unknown)} without one {come} last",
        )


def _most(deployment: DeploymentPlan) -> int:
    """The most replicas that the spec allows."""
    spec = deployment.spec
    return spec.scaling.max_replicas if spec is not None and spec.scaling is not None else deployment.desired_replicas


def _names(options: tuple[PoolOption, ...]) -> str:
    return " and ".join(option.pool for option in options)
