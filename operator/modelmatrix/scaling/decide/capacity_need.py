"""How much capacity a rate of arrivals asks for, in replicas of the preferred pool. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from modelmatrix.performance.engine_timing import SloBounds
from modelmatrix.scaling.decide.pool_candidates import PoolCandidateCapacity
from modelmatrix.scaling.decide.required_capacity import required_capacity
from modelmatrix.scaling.state.state import PolicyState

# The sharpness of the edge depends on the number of replicas that follows from it, but little.
USUAL_MARGIN = 1.2


@dataclass(frozen=True, slots=True)
class CapacityNeed:
    """A rate that must be served, and the replicas that it takes with the margin."""

    rate_per_second: float
    replicas: float
    margin: float


def capacity_need(
    rate_per_second: float, deviation: float, candidate: PoolCandidateCapacity, memory: PolicyState, slo: SloBounds
) -> CapacityNeed:
    """Replicas of a candidate that keep the SLO at a rate known up to a relative deviation."""
    wanted = _required(rate_per_second, deviation, candidate, memory, memory.margin.integral.z(slo))
    margin = wanted / rate_per_second - 1.0 if rate_per_second else 0.0
    return CapacityNeed(rate_per_second, wanted / candidate.per_second, margin)


def most_per_second(
    rate_per_second: float, deviation: float, candidate: PoolCandidateCapacity, memory: PolicyState, slo: SloBounds
) -> float:
    """Requests per second that replicas serve which are there for a rate with the largest margin that there can be."""
    return _required(rate_per_second, deviation, candidate, memory, memory.margin.integral.highest_z(slo))


def _required(
    rate_per_second: float, deviation: float, candidate: PoolCandidateCapacity, memory: PolicyState, z: float
) -> float:
    replicas = USUAL_MARGIN * rate_per_second / candidate.per_second
    edge = memory.margin.tail.factor * candidate.edge_deviation(replicas, memory.demand.dispersion.index)
    return required_capacity(rate_per_second, deviation, edge, z)
