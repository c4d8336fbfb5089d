"""The pools of a deployment with the capacity, cost and start time of a replica there, in order of preference. Pure.

Pools that cannot meet the SLO count only if none can, with their capacity without bounds. Pools whose replicas do not become
ready count as full while another pool has free devices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, sqrt

from modelmatrix.scaling.estimate.replica_capacity import CapacityEstimate
from modelmatrix.scaling.observation.observation import Observation, Variant
from modelmatrix.scaling.observation.pool_preference import PoolPreference, PoolStanding, preference_of
from modelmatrix.scaling.state.state import PoolEstimates


@dataclass(frozen=True, slots=True)
class PoolCandidateCapacity:
    """A pool with the capacity of a replica there and the time to start one.

    ``starting`` are replicas that will serve, ``room`` replicas that the pool could take; both are 0 on an avoided pool.
    """

    variant: Variant
    capacity: CapacityEstimate
    start_seconds: float
    per_second: float
    starting: int
    room: int

    @property
    def cost(self) -> float:
        """Cost per hour of serving one request per second; infinite without capacity."""
        return self.variant.cost_per_hour / self.per_second if self.per_second else inf

    def edge_deviation(self, replicas: float, dispersion: float) -> float:
        """Relative deviation of the load at which requests miss, with a number of replicas."""
        return sqrt(self.capacity.variance(replicas, dispersion))


@dataclass(frozen=True, slots=True)
class PoolCandidates:
    """Candidates in order of preference; the first one has capacity.

    ``meets_slo`` is false if none can meet the SLO. ``preferred`` is the first that could take a replica, else the first.
    ``ready_per_second`` is the capacity of the ready replicas, ``coming_per_second`` that of the ready and starting ones.
    """

    candidates: tuple[PoolCandidateCapacity, ...]
    meets_slo: bool
    preferred: PoolCandidateCapacity
    ready_per_second: float
    coming_per_second: float

    @property
    def reference_pool(self) -> PoolCandidateCapacity:
        """The first candidate: numbers of replicas that are compared over time count its replicas."""
        return self.candidates[0]


def rank_pools(observation: Observation, estimates: Mapping[str, PoolEstimates]) -> PoolCandidates | None:
    """The candidates; ``None`` if no pool can serve a single request."""
    known = [(variant, estimates[variant.pool]) for variant in observation.variants]
    meets_slo = any(pool.capacity.requests_per_second for _, pool in known)
    avoided = _avoided(known, observation.second)
    candidates = [_candidate(variant, pool, meets_slo=meets_slo, avoided=avoided) for variant, pool in known]
    if len(candidates) > 1:
        candidates = _by_preference(candidates, preference_of(observation.placement))
    if not candidates or not candidates[0].per_second:
        return None
    preferred = next((candidate for candidate in candidates if candidate.room and candidate.per_second), candidates[0])
    ready = coming = 0.0
    for candidate in candidates:
        ready += candidate.variant.ready * candidate.per_second
        coming += candidate.starting * candidate.per_second
    return PoolCandidates(tuple(candidates), meets_slo, preferred, ready, ready + coming)


def _by_preference(candidates: list[PoolCandidateCapacity], preference: PoolPreference) -> list[PoolCandidateCapacity]:
    """Those without capacity last, the others as the placement policy ranks pools without replicas."""
    ranks = {
        candidate.variant.pool: (not candidate.per_second, preference.rank(PoolStanding(position, candidate.cost)))
        for position, candidate in enumerate(candidates)
    }
    return sorted(candidates, key=lambda candidate: ranks[candidate.variant.pool])


def _avoided(known: list[tuple[Variant, PoolEstimates]], second: float) -> frozenset[str]:
    """Pools on which replicas do not become ready, if another one has capacity and free devices."""
    if len(known) == 1:
        return frozenset()
    avoided = frozenset(variant.pool for variant, pool in known if second < pool.avoided_until_second)
    others = (variant.room and pool.capacity.requests_per_second for variant, pool in known if variant.pool not in avoided)
    return avoided if any(others) else frozenset()


def _candidate(variant: Variant, pool: PoolEstimates, *, meets_slo: bool, avoided: frozenset[str]) -> PoolCandidateCapacity:
    """A pool with its capacity within the SLO; with that without bounds if no pool meets the SLO."""
    capacity = pool.capacity if meets_slo or pool.fallback is None else pool.fallback
    starting, room = (0, 0) if variant.pool in avoided else (variant.starting, variant.room)
    return PoolCandidateCapacity(variant, capacity, pool.start_seconds, capacity.requests_per_second, starting, room)
