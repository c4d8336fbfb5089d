"""The pools of a deployment as the policy sees them: what a replica there serves, costs and takes to start. Pure.

In order of preference: as listed, or by cost for what a replica serves. Pools that cannot keep the SLO come into question
only where none can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, sqrt

from modelmatrix.api.model_deployment import PlacementPolicy
from modelmatrix.scaling.capacity import Capacity
from modelmatrix.scaling.memory import PoolMemory
from modelmatrix.scaling.observation import Observation, Variant

# A replica that starts for so many times as long as others took does not come: something holds it up.
LOST_STARTS = 3.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pool with the capacity of a replica there and the time that it takes to start one."""

    variant: Variant
    capacity: Capacity
    start_seconds: float

    @property
    def per_second(self) -> float:
        """Requests per second of one replica."""
        return self.capacity.requests_per_second

    @property
    def is_stuck(self) -> bool:
        """Whether a replica has been starting for so long that it is not to be reckoned with."""
        ages = self.variant.starting_ages_seconds
        return bool(ages) and max(ages) > LOST_STARTS * self.start_seconds

    @property
    def coming(self) -> int:
        """Replicas that start and will serve."""
        return 0 if self.is_stuck else self.variant.starting

    @property
    def room(self) -> int:
        """Replicas that could be added and would serve."""
        return 0 if self.is_stuck else self.variant.room

    @property
    def cost(self) -> float:
        """Cost of serving one request per second."""
        return self.variant.cost_per_hour / self.per_second if self.per_second else inf

    def edge_deviation(self, replicas: float, dispersion: float) -> float:
        """Relative deviation of the load at which requests miss, with so many replicas."""
        return sqrt(self.capacity.variance(replicas, dispersion))


@dataclass(frozen=True, slots=True)
class Fleet:
    """Candidates in order of preference, with at least one that serves. ``keeps_slo`` is false where none can keep the SLO."""

    candidates: tuple[Candidate, ...]
    keeps_slo: bool

    @property
    def unit(self) -> Candidate:
        """The first candidate: numbers of replicas that are compared over time are numbers of its replicas."""
        return self.candidates[0]

    @property
    def preferred(self) -> Candidate:
        """The first candidate that could take a replica, else the first."""
        return next((one for one in self.candidates if one.room and one.per_second), self.candidates[0])

    @property
    def ready_per_second(self) -> float:
        """Requests per second that the ready replicas serve."""
        return sum(one.variant.ready * one.per_second for one in self.candidates)

    @property
    def coming_per_second(self) -> float:
        """Requests per second that ready and starting replicas will serve."""
        return sum((one.variant.ready + one.coming) * one.per_second for one in self.candidates)


def fleet_of(observation: Observation, pools: Mapping[str, PoolMemory]) -> Fleet | None:
    """The fleet; ``None`` where no pool can serve a single request."""
    known = [(variant, pools[variant.pool]) for variant in observation.variants]
    keeps_slo = any(one.capacity.requests_per_second for _, one in known)
    candidates = [_candidate(variant, one, keeps_slo=keeps_slo) for variant, one in known]
    if len(candidates) > 1:
        candidates.sort(key=_preference(observation.placement))
    if not candidates or not candidates[0].per_second:
        return None
    return Fleet(tuple(candidates), keeps_slo)


def _candidate(variant: Variant, pool: PoolMemory, *, keeps_slo: bool) -> Candidate:
    """A pool by its capacity within the SLO; by that without bounds where no pool keeps the SLO."""
    capacity = pool.capacity if keeps_slo or pool.fallback is None else pool.fallback
    return Candidate(variant, capacity, pool.starts.expected_seconds(variant.start_seconds))


def _preference(placement: PlacementPolicy) -> Callable[[Candidate], tuple[bool, float]]:
    """What candidates are sorted by: those that serve nothing last, the others by cost or as they are listed."""
    if placement is PlacementPolicy.CHEAPEST:
        return lambda one: (not one.per_second, one.cost)
    return lambda one: (not one.per_second, 0.0)
