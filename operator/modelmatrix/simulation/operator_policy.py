"""The operator's scaling policy in a simulated cluster: it is shown what the operator would make of the same scrapes.

The adapter does what the operator does once an interval. It reads the signals (``metrics.signal_reader``), takes the replicas
as the API server shows them, builds the observation with the operator's own code (``signals.observation``), and asks the
policy. What a replica can do is known by its prior only, as in the operator; the rest must be learned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from modelmatrix.api.model_deployment import PlacementPolicy
from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming, SloBounds
from modelmatrix.planning.desired.schedule import ScheduleFloorWindow, highest_floor, longest_start_seconds
from modelmatrix.scaling.observation import observation as scaling
from modelmatrix.scaling.observation.replica_bounds import ReplicaBounds
from modelmatrix.signals.observation import DeploymentFacts, DeploymentSignals, PoolFacts, build_observation
from modelmatrix.signals.replica_history import StartupTracker
from modelmatrix.simulation.cluster.policy import Observation, Policy
from modelmatrix.simulation.cluster.replica_set import Phase
from modelmatrix.simulation.metrics.signal_reader import SignalReader, replica_targets

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
    windows: tuple[ScheduleFloorWindow, ...] = ()


class OperatorPolicyAdapter:
    """Asks a scaling policy about one deployment. ``decision`` is the last one."""

    def __init__(self, policy: scaling.Policy[Any], known: DeploymentPrior) -> None:
        self.decision: scaling.Decision | None = None
        self._policy, self._known = policy, known
        self._memory: Any = None
        self._reader = SignalReader(known.slo)
        self._starts = StartupTracker()

    @property
    def name(self) -> str:
        """The policy's name, as reports show it."""
        return self._policy.name

    def restore_state(self, history: scaling.History, second: float) -> None:
        """Begin with what Prometheus knows of the deployment, as the operator does when it starts."""
        self._memory = self._policy.restore_state(history, second)

    def decide(self, observation: Observation) -> Mapping[str, int]:
        """The desired number of replicas per variant."""
        if self._memory is None:
            self._memory = self._policy.initial_state(observation.second)
        self.decision, self._memory = self._policy.decide(self._observe(observation), self._memory)
        return self.decision.by_pool

    def _observe(self, observation: Observation) -> scaling.Observation:
        leaders = replica_targets(observation)
        signals = DeploymentSignals(
            leaders=leaders,
            reading=self._reader.read(observation, leaders),
            gateway_per_second=_gateway_per_second(observation),
        )
        self._starts.update(leaders, observation.second)
        bounds = _bounds(self._known, self.decision, observation.second)
        return build_observation(_facts(self._known, bounds, observation), signals, self._starts, observation.second)


def _bounds(known: DeploymentPrior, decision: scaling.Decision | None, second: float) -> ReplicaBounds:
    """The bounds of a second, with the floor of the schedule as the operator computes it."""
    start_seconds = longest_start_seconds(decision, (prior.start_seconds for prior in known.variants))
    floor = highest_floor(known.windows, second, start_seconds=start_seconds)
    return ReplicaBounds(
        min_replicas=known.min_replicas, max_replicas=known.max_replicas, floor=floor.replicas, window=floor.window
    )


def _facts(known: DeploymentPrior, bounds: ReplicaBounds, observation: Observation) -> DeploymentFacts:
    return DeploymentFacts(
        slo=known.slo,
        bounds=bounds,
        desired=sum(observation.desired.values()),
        pools=tuple(_pool(prior, observation) for prior in known.variants),
        placement=known.placement,
    )


def _pool(prior: PoolPrior, observation: Observation) -> PoolFacts:
    phases = [replica.phase for replica in observation.replicas if replica.variant == prior.name]
    return PoolFacts(
        pool=prior.name,
        timing=prior.timing,
        limits=prior.limits,
        start_seconds=prior.start_seconds,
        cost_per_hour=prior.cost_per_hour,
        devices=prior.devices,
        ready=phases.count(Phase.READY),
        starting=phases.count(Phase.STARTING),
        room=observation.free_replicas_by_variant.get(prior.name, UNLIMITED),
        site=prior.site,
    )


def _gateway_per_second(observation: Observation) -> float | None:
    """Requests per second between the last two scrapes of a gateway."""
    if len(observation.gateway_requests) < 2:  # noqa: PLR2004 - a rate is between two scrapes
        return None
    (start, before), (end, after) = observation.gateway_requests[-2:]
    return (after - before) / (end - start)


@dataclass(frozen=True, slots=True)
class PoolLimitedPolicy:
    """A policy on pools of limited size, in replicas by variant: it is shown the room that is left, and gets no more."""

    policy: Policy
    limits: Mapping[str, int]

    @property
    def name(self) -> str:
        """The policy's name, as reports show it."""
        return self.policy.name

    def decide(self, observation: Observation) -> Mapping[str, int]:
        """The desired number of replicas per variant, at most what its pool holds."""
        present = {name: sum(replica.variant == name for replica in observation.replicas) for name in self.limits}
        free = {name: max(0, limit - present[name]) for name, limit in self.limits.items()}
        desired = self.policy.decide(replace(observation, free_replicas_by_variant=free))
        return {name: min(number, self.limits.get(name, number)) for name, number in desired.items()}
