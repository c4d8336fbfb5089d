"""The bound of a scenario: the minimal cost to serve 99 % of every deployment's requests in the scored part.

Deployments with one usable placement are bounded one by one with the dynamic program, on unlimited pools. Those with several
placements are bounded together with the linear program, within the limits of the pools.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from benchmark.bound import linear
from benchmark.bound.dual import least_replica_hours
from benchmark.bound.work import (
    BIN_SECONDS,
    cumulative_work,
    latest_finish_seconds,
    mean_shapes,
    min_replica_seconds,
    request_arrivals,
    second_arrivals,
)
from benchmark.environment.environments import arriving_per_second, single_requests
from benchmark.scenarios.scenario import Mode

if TYPE_CHECKING:
    from benchmark.bound.work import ArrivalIntervals, Shapes
    from benchmark.scenarios.scenario import Deployment, Placement, Scenario

ATTAINMENT = 0.99


@dataclass(frozen=True, slots=True)
class Bound:
    """The minimal cost, in hours of a device at price 1."""

    cost: float


def without_irrelevant_fields(scenario: Scenario) -> Scenario:
    """A scenario with default values in all fields that do not influence its bound."""
    return replace(scenario, id="", title="", faults=(), is_flash=False, is_fault=False, is_tuned=True)


def bound_of(scenario: Scenario, seed: int) -> Bound:
    """The bound of all deployments together."""
    mixed = [one for one in scenario.deployments if len(_usable(one)) > 1]
    cost = sum(_single_placement_cost(scenario, one, seed) for one in scenario.deployments if one not in mixed)
    if mixed:
        limits = {pool.name: pool.devices for pool in scenario.pools if pool.devices is not None}
        cost += linear.least_cost([_demand(scenario, one, seed) for one in mixed], limits)
    return Bound(cost)


def _single_placement_cost(scenario: Scenario, deployment: Deployment, seed: int) -> float:
    (placement,) = _usable(deployment)
    shapes, arriving = _workload(scenario, deployment, seed)
    variant = placement.variant
    work = cumulative_work(
        arriving,
        min_replica_seconds(variant.timing, variant.limits, shapes, deployment.slo),
        latest_finish_seconds(shapes, deployment.slo),
        bins=(scenario.seconds - scenario.train_seconds) // BIN_SECONDS,
        attainment=ATTAINMENT,
    )
    hours = least_replica_hours(work, start_seconds=variant.start.median_seconds, min_replicas=deployment.min_replicas)
    return hours * _price(scenario, placement)


def _demand(scenario: Scenario, deployment: Deployment, seed: int) -> linear.Demand:
    """The demand for the linear program, with the mean lengths for all requests."""
    shapes = mean_shapes(deployment.lengths)
    per_second = arriving_per_second(deployment.arrivals, seed)[scenario.train_seconds : scenario.seconds]
    until = np.concatenate([[0.0], np.cumsum(per_second)])
    ends = np.arange(linear.BIN_SECONDS, len(per_second) + 1, linear.BIN_SECONDS)
    patience = int(np.ceil(latest_finish_seconds(shapes, deployment.slo)[0]))
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


def _workload(scenario: Scenario, deployment: Deployment, seed: int) -> tuple[Shapes, ArrivalIntervals]:
    """The requests of the scored part, one by one in the request simulation, else per second with mean lengths."""
    start, end = scenario.train_seconds, scenario.seconds
    if scenario.mode is Mode.REQUEST:
        return request_arrivals([one for one in single_requests(deployment.arrivals, seed) if one.arrival_seconds < end])
    return mean_shapes(deployment.lengths), second_arrivals(arriving_per_second(deployment.arrivals, seed)[start:end])


def _usable(deployment: Deployment) -> list[Placement]:
    """The placements that can meet the SLO."""
    return [placement for placement in deployment.placements if deployment.capacity_per_second(placement.variant) > 0]


def _seconds(placement: Placement, deployment: Deployment) -> float:
    variant = placement.variant
    return float(min_replica_seconds(variant.timing, variant.limits, mean_shapes(deployment.lengths), deployment.slo)[0])


def _price(scenario: Scenario, placement: Placement) -> float:
    """The price of a replica-hour."""
    return placement.variant.devices_per_replica * scenario.prices[placement.pool]
