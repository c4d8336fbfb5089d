"""Environments for a scenario's deployments: the same arrivals and start times for every autoscaler with the same seed."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, lru_cache
from math import ceil
from random import Random
from typing import TYPE_CHECKING, cast
from zlib import crc32

from benchmark.environment.compiled import machinery
from modelmatrix.catalogue.loader import builtin
from modelmatrix.simulation.cluster.environment import RequestEnvironment
from modelmatrix.simulation.cluster.fleet import Fleet
from modelmatrix.simulation.engine.metrics import Buckets
from modelmatrix.simulation.fluid.environment import ArrivalsPerSecond, FluidEnvironment

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from benchmark.scenarios.scenario import Arrivals, Deployment, Scenario
    from modelmatrix.simulation.cluster.variant import Variant
    from modelmatrix.simulation.engine.request import Request

# The rate at the beginning, which the first replicas are sized for.
_OPENING_SECONDS = 600


def open_fluid(scenario: Scenario, deployment: Deployment, seed: int) -> FluidEnvironment:
    """A deployment as a fluid, with warm replicas for its first minutes."""
    arriving = arriving_per_second(deployment.arrivals, seed)[: scenario.seconds]
    environment = FluidEnvironment(
        _weighted(deployment),
        ArrivalsPerSecond(cast("Sequence[float]", arriving)),
        deployment.lengths,
        deployment.slo,
        _starts(deployment, seed),
        buckets=buckets(),
        kernel=machinery(),
    )
    environment.start_warm(warm_replicas(deployment, seed))
    return environment


def open_fleet(scenario: Scenario, deployment: Deployment, seed: int) -> tuple[RequestEnvironment, Fleet]:
    """A deployment request by request, with warm replicas for its first minutes."""
    fleet = Fleet(_weighted(deployment), _starts(deployment, seed), buckets=buckets())
    fleet.start_warm(warm_replicas(deployment, seed))
    arriving = (one for one in single_requests(deployment.arrivals, seed) if one.arrival_seconds < scenario.seconds)
    return RequestEnvironment(fleet, arriving, deployment.slo), fleet


def warm_replicas(deployment: Deployment, seed: int) -> dict[str, int]:
    """Replicas of the home variant for the first minutes, with one to spare."""
    first = deployment.home_variant
    rate = float(arriving_per_second(deployment.arrivals, seed)[:_OPENING_SECONDS].mean())
    needed = ceil(rate / deployment.capacity_per_second(first)) + 1
    return {first.name: min(max(needed, deployment.min_replicas), deployment.max_replicas)}


@lru_cache(maxsize=16)
def arriving_per_second(arrivals: Arrivals, seed: int) -> np.ndarray:
    """Requests that arrive in each second."""
    return arrivals.per_second(seed)


@lru_cache(maxsize=8)
def single_requests(arrivals: Arrivals, seed: int) -> tuple[Request, ...]:
    """The requests one by one."""
    return tuple(arrivals.requests(seed))


@cache
def buckets() -> Buckets:
    """The histogram bounds that the product gives to every engine."""
    bounds = builtin().histograms
    return Buckets(
        time_to_first_token=bounds.time_to_first_token,
        inter_token_latency=bounds.inter_token_latency,
        request_latency=bounds.request_latency,
    )


def _weighted(deployment: Deployment) -> list[Variant]:
    """The variants, weighted with the traffic that they can serve, as a gateway that knows its backends does."""
    rates = [deployment.capacity_per_second(variant) for variant in deployment.variants]
    most = max(rates)
    return [replace(variant, weight=rate / most) for variant, rate in zip(deployment.variants, rates, strict=True)]


def _starts(deployment: Deployment, seed: int) -> Random:
    """The source of start times: the same for a deployment whatever the autoscaler."""
    return Random(seed * 1_000_003 + crc32(deployment.name.encode()))  # noqa: S311 - a simulation
