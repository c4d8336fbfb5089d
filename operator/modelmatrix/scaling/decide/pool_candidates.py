"""The pools of a deployment as the policy sees them: what a replica there serves, costs and takes to start. Pure.

In order of preference: as listed, or by cost for what a replica serves. Pools that cannot keep the SLO come into question
only where none can; pools whose replicas do not come, only where no other has room.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, sqrt

from modelmatrix.api.model_deployment import PlacementPolicy
from modelmatrix.scaling.estimate.replica_capacity import Capacity
from modelmatrix.scaling.observation.observation import Observation, Variant
from modelmatrix.scaling.state.state import PoolEstimates


@dataclass(frozen=True, slots=True)
class PoolCandidateCapacity:
    """A pool with the capacity of a replica there and the time that it takes to start one.

    ``starting`` are replicas that will serve and ``room`` those that could be added; both are 0 where replicas do not come.
    """

    variant: Variant
    capacity: Capacity
    start_seconds: float
    per_second: float
    starting: int
    room: int

    @property
    def cost(self) -> float:
        """Cost of serving one request per second."""
        return self.variant.cost_per_hour / self.per_second if self.per_second else inf

    def edge_deviation(self, replicas: float, dispersion: float) -> float:
        """Relative deviation of the load at which requests miss, with so many replicas."""
        return sqrt(self.capacity.variance(replicas, dispersion))


@dataclass(frozen=True, slots=True)
class PoolCandidates:
    """Candidates in order of preference; the first one serves.

    ``keeps_slo`` is false where none can keep the SLO. ``preferred`` is the first that could take a replica, else the first.
    Requests per second are those that ready replicas serve, and those that starting ones will serve too.
    """

    candidates: tuple[PoolCandidateCapacity, ...]
    keeps_slo: bool
    preferred: PoolCandidateCapacity
    ready_per_second: float
    coming_per_second: float

    @property
    def reference_pool(self) -> PoolCandidateCapacity:
        """The first candidate: numbers of replicas that are compared over time are numbers of its replicas."""
        return self.candidates[0]


def rank_pools(observation: Observation, pools: Mapping[str, PoolEstimates]) -> PoolCandidates | None:
    """The fleet; ``None`` where no pool can serve a single request."""
    known = [(variant, pools[variant.pool]) for variant in observation.variants]
    keeps_slo = any(pool.capacity.requests_per_second for _, pool in known)
    shunned = _shunned(known, observation.second)
    candidates = [_candidate(variant, pool, keeps_slo=keeps_slo, shunned=shunned) for variant, pool in known]
    if len(candidates) > 1:
        candidates.sort(key=_preference(observation.placement))
    if not candidates or not candidates[0].per_second:
        return None
    preferred = next((one for one in candidates if one.room and one.per_second), candidates[0])
    ready = coming = 0.0
    for one in candidates:
        ready += one.variant.ready * one.per_second
        coming += one.starting * one.per_second
    return PoolCandidates(tuple(candidates), keeps_slo, preferred, ready, ready + coming)


def _shunned(known: list[tuple[Variant, PoolEstimates]], second: float) -> frozenset[str]:
    """Pools on which replicas do not come, if another one has room for them."""
    if len(known) == 1:
        return frozenset()
    shunned = frozenset(variant.pool for variant, pool in known if second < pool.shunned_until)
    others = (variant.room and pool.capacity.requests_per_second for variant, pool in known if variant.pool not in shunned)
    return shunned if any(others) else frozenset()


def _candidate(variant: Variant, pool: PoolEstimates, *, keeps_slo: bool, shunned: frozenset[str]) -> PoolCandidateCapacity:
    """A pool by its capacity within the SLO; by that without bounds where no pool keeps the SLO."""
    capacity = pool.capacity if keeps_slo or pool.fallback is None else pool.fallback
    starting, room = (0, 0) if variant.pool in shunned else (variant.starting, variant.room)
    return PoolCandidateCapacity(variant, capacity, pool.start_seconds, capacity.requests_per_second, starting, room)


def _preference(placement: PlacementPolicy) -> Callable[[PoolCandidateCapacity], tuple[bool, float]]:
    """What candidates are sorted by: those that serve nothing last, the others by cost or as they are listed."""
    if placement is PlacementPolicy.CHEAPEST:
        return lambda one: (not one.per_second, one.cost)
    return lambda one: (not one.per_second, 0.0)
