"""What a policy is told about one deployment, from the last plan and the reading of its signals. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.control.autoscaler.replica_history import StartupTracker, ages_of_starting_replicas
from modelmatrix.performance.slo import bounds_in_seconds
from modelmatrix.planning.desired.cron import ScheduleError
from modelmatrix.planning.desired.replicas import schedule_floor_windows
from modelmatrix.planning.feasibility.pool_performance import performance_on
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.placement.pricing import compared_prices
from modelmatrix.scaling.observation.observation import Observation, ScheduleFloorWindow, Variant
from modelmatrix.signals.reading import SignalReading
from modelmatrix.signals.scrape_coverage import ReplicaTarget

# Longer than any replica takes to start: windows that begin within it are told.
HORIZON_SECONDS = 7200.0


@dataclass(frozen=True, slots=True)
class DeploymentSignals:
    """What is known of a deployment: the last plan, its replicas, its signals, and what a gateway counts."""

    deployment: DeploymentPlan
    leaders: tuple[ReplicaTarget, ...]
    reading: SignalReading
    gateway_per_second: float | None = None


def build_observation(seen: DeploymentSignals, catalogue: Catalogue, starts: StartupTracker, second: float) -> Observation:
    """The observation of a deployment that is scaled, at a second of model time."""
    spec = seen.deployment.spec
    scaling = spec.scaling if spec else None
    if spec is None or scaling is None:
        raise ValueError(f"{seen.deployment.key} is not scaled")
    windows = _windows(seen.deployment, second)
    return Observation(
        second=second,
        slo=bounds_in_seconds(spec.slo),
        min_replicas=scaling.min_replicas,
        max_replicas=scaling.max_replicas,
        floor=max((one.replicas for one in windows if one.start_second <= second < one.end_second), default=0),
        desired=seen.deployment.desired_replicas,
        variants=tuple(_variants(seen, catalogue, starts)),
        quality=seen.reading.quality,
        quality_message=seen.reading.message,
        traffic=seen.reading.traffic,
        windows=windows,
        placement=spec.placement,
        gateway_per_second=seen.gateway_per_second,
    )


def _windows(deployment: DeploymentPlan, second: float) -> tuple[ScheduleFloorWindow, ...]:
    spec = deployment.spec
    schedule = spec.scaling.schedule if spec and spec.scaling else ()
    try:
        return schedule_floor_windows(schedule, now_seconds=second, horizon_seconds=HORIZON_SECONDS) if schedule else ()
    except ScheduleError:
        return ()  # the plan says so in the status


def _variants(seen: DeploymentSignals, catalogue: Catalogue, starts: StartupTracker) -> Iterator[Variant]:
    deployment = seen.deployment
    placed = {item.option.pool: item for item in deployment.placements}
    prices = compared_prices(deployment.fitting, deployment.pools)
    for option in deployment.fitting:
        item, pool = placed.get(option.pool), deployment.pools[option.pool]
        known = performance_on(catalogue, deployment.model, option, pool)
        if known is None:
            continue
        timing, limits = known
        leaders = [leader for leader in seen.leaders if leader.pool == option.pool]
        ready, starting = (item.ready, max(0, item.desired - item.ready)) if item else (0, 0)
        yield Variant(
            pool=option.pool,
            timing=timing,
            limits=limits,
            start_seconds=option.answer.start_seconds,
            cost_per_hour=float(prices[option.pool]),
            devices=option.devices,
            ready=ready,
            starting=starting,
            room=deployment.free_replicas_by_pool.get(option.pool, 0),
            starting_ages_seconds=ages_of_starting_replicas(leaders, starting) if starting else (),
            starts_seen=starts.starts_of(leaders),
            settled=sum(leader.is_settled for leader in leaders),
            site=(pool.spec.site if pool.spec else None) or "",
            engine=seen.reading.engines.get(option.pool),
        )
