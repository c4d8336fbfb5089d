"""The bound of a scenario: that of each deployment alone on its best variant, added up; pools without limits.

Whoever keeps 99 % for every deployment cannot use less. Where a deployment may use several kinds of devices, the linear
program of ``linear`` is the bound instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.bound.dual import least_replica_hours
from benchmark.bound.work import patience_seconds, seconds_each, work_of
from benchmark.worlds import arriving_per_second

if TYPE_CHECKING:
    from benchmark.scenario import Deployment, Scenario

ATTAINMENT = 0.99


@dataclass(frozen=True, slots=True)
class Bound:
    """Device-hours and their cost that 99 % attainment takes at least, in the part of the scenario that is scored."""

    device_hours: float
    cost: float


def least_of(scenario: Scenario, seed: int) -> Bound:
    """The bound of all deployments together."""
    bounds = [_least(scenario, deployment, seed) for deployment in scenario.deployments]
    return Bound(sum(bound.device_hours for bound in bounds), sum(bound.cost for bound in bounds))


def _least(scenario: Scenario, deployment: Deployment, seed: int) -> Bound:
    variant = deployment.home_variant
    arriving = arriving_per_second(deployment.arrivals, seed)[scenario.train_seconds : scenario.seconds]
    work = work_of(
        arriving,
        seconds_each(variant, deployment.lengths, deployment.slo),
        patience_seconds(deployment.lengths, deployment.slo),
        ATTAINMENT,
    )
    hours = least_replica_hours(work, start_seconds=variant.start.median_seconds, min_replicas=deployment.min_replicas)
    price = next(scenario.prices[placement.pool] for placement in deployment.placements if placement.variant == variant)
    return Bound(hours * variant.devices_per_replica, hours * variant.devices_per_replica * price)
