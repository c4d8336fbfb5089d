"""The bound of a scenario: what 99 % of every deployment's requests take at least in the part that is scored.

Each deployment alone by the dynamic program, on pools without limits. Those that may use several kinds of devices: together by
the linear program, within the limits of the pools.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from benchmark.bound import linear
from benchmark.bound.dual import least_replica_hours
from benchmark.bound.work import BIN_SECONDS, alike, counted, patience_seconds, seconds_each, single, work_of
from benchmark.environment.environments import arriving_per_second, single_requests
from benchmark.scenarios.scenario import Mode

if TYPE_CHECKING:
    from benchmark.bound.work import Arriving, Shapes
    from benchmark.scenarios.scenario import Deployment, Placement, Scenario

ATTAINMENT = 0.99


@dataclass(frozen=True, slots=True)
class Bound:
    """Least cost, in hours of a device at price 1."""

    cost: float


def relevant(scenario: Scenario) -> Scenario:
    """A scenario without what makes no difference to its bound."""
    return replace(scenario, id="", title="", faults=(), is_flash=False, is_fault=False, is_tuned=True)


def least_of(scenario: Scenario, seed: int) -> Bound:
    """The bound of all deployments together."""
    mixed = [one for one in scenario.deployments if len(_usable(one)) > 1]
    cost = sum(_alone(scenario, one, seed) for one in scenario.deployments if one not in mixed)
    if mixed:
        limits = {pool.name: pool.devices for pool in scenario.pools if pool.devices is not None}
        cost += linear.least_cost([_demand(scenario, one, seed) for one in mixed], limits)
    return Bound(cost)


def _alone(scenario: Scenario, deployment: Deployment, seed: int) -> float:
    (placement,) = _usable(deployment)
    shapes, arriving = _workload(scenario, deployment, seed)
    variant = placement.variant
    work = work_of(
        arriving,
        seconds_each(variant.timing, variant.limits, shapes, deployment.slo),
        patience_seconds(shapes, deployment.slo),
        bins=(scenario.seconds - scenario.train_seconds) // BIN_SECONDS,
        attainment=ATTAINMENT,
    )
    hours = least_replica_hours(work, start_seconds=variant.start.median_seconds, min_replicas=deployment.min_replicas)
    return hours * _price(scenario, placement)


def _demand(scenario: Scenario, deployment: Deployment, seed: int) -> linear.Demand:
    """For the linear program, which needs requests that are alike."""
    shapes = alike(deployment.lengths)
    per_second = arriving_per_second(deployment.arrivals, seed)[scenario.train_seconds : scenario.seconds]
    until = np.concatenate([[0.0], np.cumsum(per_second)])
    ends = np.arange(linear.SECONDS, len(per_second) + 1, linear.SECONDS)
    patience = int(np.ceil(patience_seconds(shapes, deployment.slo)[0]))
    kinds = tuple(
        linear.Kind(
            per_second=1.0 / _seconds(placement, deployment),
            price=_price(scenario, placement),
            devices=placement.variant.devices_per_replica,
            start_seconds=placement.variant.start.median_seconds,
            pool=placement.pool,
        )
        for placement in _usable(deployment)
    )
    return linear.Demand(
        arrived=until[ends],
        due=until[np.maximum(ends - patience, 0)],
        droppable=(1.0 - ATTAINMENT) * float(until[-1]),
        min_replicas=deployment.min_replicas,
        kinds=kinds,
    )


def _workload(scenario: Scenario, deployment: Deployment, seed: int) -> tuple[Shapes, Arriving]:
    """The requests of the part that is scored, one by one where they are not alike."""
    start, end = scenario.train_seconds, scenario.seconds
    if scenario.mode is Mode.REQUEST:
        return single([one for one in single_requests(deployment.arrivals, seed) if one.arrival_seconds < end])
    return alike(deployment.lengths), counted(arriving_per_second(deployment.arrivals, seed)[start:end])


def _usable(deployment: Deployment) -> list[Placement]:
    """The placements that can keep the SLO at all."""
    return [placement for placement in deployment.placements if deployment.capacity_per_second(placement.variant) > 0]


def _seconds(placement: Placement, deployment: Deployment) -> float:
    variant = placement.variant
    return float(seconds_each(variant.timing, variant.limits, alike(deployment.lengths), deployment.slo)[0])


def _price(scenario: Scenario, placement: Placement) -> float:
    """Of a replica-hour."""
    return placement.variant.devices_per_replica * scenario.prices[placement.pool]
