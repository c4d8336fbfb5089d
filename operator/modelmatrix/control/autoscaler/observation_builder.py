"""What the last plan says about a deployment that is scaled, in the form that its observation is built from. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.performance.slo import bounds_in_seconds
from modelmatrix.planning.desired.cron import ScheduleError
from modelmatrix.planning.desired.replicas import schedule_floor_windows
from modelmatrix.planning.feasibility.pool_performance import performance_on
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.placement.pricing import compared_prices
from modelmatrix.scaling.observation.observation import ScheduleFloorWindow
from modelmatrix.signals.observation import DeploymentFacts, PoolFacts

# Longer than any replica takes to start: windows that begin within it are part of an observation.
HORIZON_SECONDS = 7200.0


def deployment_facts(deployment: DeploymentPlan, catalogue: Catalogue, second: float) -> DeploymentFacts:
    """What is known of a deployment at a second of model time.

    Raises:
        ValueError: the deployment is not scaled.
    """
    spec = deployment.spec
    scaling = spec.scaling if spec else None
    if spec is None or scaling is None:
        raise ValueError(f"{deployment.key} is not scaled")
    return DeploymentFacts(
        slo=bounds_in_seconds(spec.slo),
        min_replicas=scaling.min_replicas,
        max_replicas=scaling.max_replicas,
        desired=deployment.desired_replicas,
        pools=tuple(_pools(deployment, catalogue)),
        windows=_windows(deployment, second),
        placement=spec.placement,
    )


def _windows(deployment: DeploymentPlan, second: float) -> tuple[ScheduleFloorWindow, ...]:
    spec = deployment.spec
    schedule = spec.scaling.schedule if spec and spec.scaling else ()
    try:
        return schedule_floor_windows(schedule, now_seconds=second, horizon_seconds=HORIZON_SECONDS) if schedule else ()
    except ScheduleError:
        return ()  # the plan reports it in the status


def _pools(deployment: DeploymentPlan, catalogue: Catalogue) -> Iterator[PoolFacts]:
    placements = {placement.option.pool: placement for placement in deployment.placements}
    prices = compared_prices(deployment.fitting, deployment.pools)
    for option in deployment.fitting:
        placement, pool = placements.get(option.pool), deployment.pools[option.pool]
        performance = performance_on(catalogue, deployment.model, option, pool)
        if performance is None:
            continue
        timing, limits = performance
        yield PoolFacts(
            pool=option.pool,
            timing=timing,
            limits=limits,
            start_seconds=option.answer.start_seconds,
            cost_per_hour=float(prices[option.pool]),
            devices=option.devices,
            ready=placement.ready if placement else 0,
            starting=max(0, placement.desired - placement.ready) if placement else 0,
            room=deployment.free_replicas_by_pool.get(option.pool, 0),
            site=(pool.spec.site if pool.spec else None) or "",
        )
