"""The observation that a scaling policy decides on: what the plan knows of a deployment, and what its signals show. Pure.

The operator fills ``DeploymentFacts`` from its last plan, the simulator from its replicas; the rest is one code. Everything
about replicas (settled, starting, starts that were seen) comes from the same list of targets that the signals were checked
against.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from modelmatrix.api.model_deployment import PlacementPolicy
from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming, SloBounds
from modelmatrix.scaling.observation.observation import EngineReading, Observation, Variant
from modelmatrix.scaling.observation.replica_bounds import ReplicaBounds
from modelmatrix.signals.reading import SignalReading
from modelmatrix.signals.replica_history import StartupTracker, ages_of_starting_replicas
from modelmatrix.signals.scrape_coverage import ReplicaTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFacts:
    """One pool that the deployment may use. ``timing`` and ``start_seconds`` are priors, ``room`` counts replicas."""

    pool: str
    timing: EngineTiming
    limits: EngineLimits
    start_seconds: float
    cost_per_hour: float
    devices: int
    ready: int
    starting: int
    room: int
    site: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentFacts:
    """What is known of a deployment without its signals. ``bounds`` are those of the observation's second."""

    slo: SloBounds
    bounds: ReplicaBounds
    desired: int
    pools: tuple[PoolFacts, ...]
    placement: PlacementPolicy = PlacementPolicy.ORDERED


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentSignals:
    """A deployment's replicas that are not draining, the reading of its signals, and the requests that a gateway counts."""

    leaders: tuple[ReplicaTarget, ...]
    reading: SignalReading
    gateway_per_second: float | None = None


def build_observation(facts: DeploymentFacts, signals: DeploymentSignals, starts: StartupTracker, second: float) -> Observation:
    """The observation of a deployment that is scaled, at a second of model time."""
    reading = signals.reading
    return Observation(
        second=second,
        slo=facts.slo,
        bounds=facts.bounds,
        desired=facts.desired,
        variants=tuple(_variant(pool, signals.leaders, starts, reading.engines.get(pool.pool)) for pool in facts.pools),
        quality=reading.quality,
        quality_message=reading.message,
        traffic=reading.traffic,
        placement=facts.placement,
        gateway_per_second=signals.gateway_per_second,
    )


def _variant(
    pool: PoolFacts, leaders: Iterable[ReplicaTarget], starts: StartupTracker, engine: EngineReading | None
) -> Variant:
    own = [leader for leader in leaders if leader.pool == pool.pool]
    return Variant(
        pool=pool.pool,
        timing=pool.timing,
        limits=pool.limits,
        start_seconds=pool.start_seconds,
        cost_per_hour=pool.cost_per_hour,
        devices=pool.devices,
        ready=pool.ready,
        starting=pool.starting,
        room=pool.room,
        starting_ages_seconds=ages_of_starting_replicas(own, pool.starting) if pool.starting else (),
        observed_starts=starts.starts_of(own),
        settled=sum(leader.is_settled for leader in own),
        site=pool.site,
        engine=engine,
    )
