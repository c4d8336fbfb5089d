"""The operator's scaling policy in a simulated cluster: it sees what the operator would make of the same scrapes.

What a replica can do is known by its prior only, like in the operator; the rest must be learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelmatrix.api.model_deployment import PlacementPolicy
from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming, SloBounds
from modelmatrix.scaling.observation import observation as scaling
from modelmatrix.simulation.cluster.policy import Observation, ReplicaView
from modelmatrix.simulation.cluster.replica_set import Phase
from modelmatrix.simulation.metrics.signals import SETTLED_SECONDS, signals_of

# Replicas that a pool without a limit has room for.
UNLIMITED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPrior:
    """A pool as the operator knows it before anything is measured; ``name`` is that of the simulated variant."""

    name: str
    timing: EngineTiming
    limits: EngineLimits
    start_seconds: float
    devices: int = 1
    cost_per_hour: float = 1.0
    site: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentPrior:
    """What the operator knows of a deployment; ``windows`` are in the time of the simulation."""

    slo: SloBounds
    min_replicas: int
    max_replicas: int
    variants: tuple[PoolPrior, ...]
    placement: PlacementPolicy = PlacementPolicy.ORDERED
    windows: tuple[scaling.ScheduleFloorWindow, ...] = ()


class OperatorPolicyAdapter:
    """Asks a scaling policy about one deployment. ``decision`` is what it said last."""

    def __init__(self, policy: scaling.Policy[Any], known: DeploymentPrior) -> None:
        self.decision: scaling.Decision | None = None
        self._policy, self._known = policy, known
        self._memory: Any = None
        self._starts: dict[str, tuple[float, float]] = {}

    @property
    def name(self) -> str:
        """What reports call it."""
        return self._policy.name

    def restore_state(self, history: scaling.History, second: float) -> None:
        """Begin with what Prometheus knows of the deployment, as the operator does when it starts."""
        self._memory = self._policy.restore_state(history, second)

    def decide(self, observation: Observation) -> Mapping[str, int]:
        """The wanted number of replicas per variant."""
        if self._memory is None:
            self._memory = self._policy.initial_state(observation.second)
        self.decision, self._memory = self._policy.decide(self._observe(observation), self._memory)
        return self.decision.by_pool

    def _observe(self, seen: Observation) -> scaling.Observation:
        known, signals = self._known, signals_of(seen, self._known.slo)
        self._starts = {one.name: start for one in seen.replicas if (start := self._starts.get(one.name) or _start(one))}
        windows = known.windows
        return scaling.Observation(
            second=seen.second,
            slo=known.slo,
            min_replicas=known.min_replicas,
            max_replicas=known.max_replicas,
            floor=max((one.replicas for one in windows if one.start_second <= seen.second < one.end_second), default=0),
            desired=sum(seen.desired.values()),
            variants=tuple(self._variant(one, seen, signals.engines.get(one.name)) for one in known.variants),
            quality=signals.quality,
            quality_message=signals.message,
            traffic=signals.traffic,
            windows=windows,
            placement=known.placement,
            gateway_per_second=_gateway_per_second(seen),
        )

    def _variant(self, known: PoolPrior, seen: Observation, engine: scaling.EngineReading | None) -> scaling.Variant:
        replicas = [one for one in seen.replicas if one.variant == known.name]
        ready = [one for one in replicas if one.phase is Phase.READY]
        starting = [one for one in replicas if one.phase is Phase.STARTING]
        return scaling.Variant(
            pool=known.name,
            timing=known.timing,
            limits=known.limits,
            start_seconds=known.start_seconds,
            cost_per_hour=known.cost_per_hour,
            devices=known.devices,
            ready=len(ready),
            starting=len(starting),
            room=seen.free_replicas_by_variant.get(known.name, UNLIMITED),
            starting_ages_seconds=tuple(seen.second - one.created_seconds for one in starting),
            starts_seen=tuple(self._starts[one.name] for one in ready if one.name in self._starts),
            settled=sum(seen.second - (one.ready_seconds or 0.0) >= SETTLED_SECONDS for one in ready),
            site=known.site,
            engine=engine,
        )


def _start(replica: ReplicaView) -> tuple[float, float] | None:
    """When a replica became ready and how long that took; ``None`` as long as it is not."""
    if replica.ready_seconds is None:
        return None
    return replica.ready_seconds, replica.ready_seconds - replica.created_seconds


def _gateway_per_second(seen: Observation) -> float | None:
    """Requests per second between the last two scrapes of a gateway."""
    if len(seen.gateway_requests) < 2:  # noqa: PLR2004 - a rate is between two scrapes
        return None
    (start, before), (end, after) = seen.gateway_requests[-2:]
    return (after - before) / (end - start)
