"""How much capacity a rate of arrivals asks for, in replicas of the preferred pool. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from modelmatrix.performance.timing import SloBounds
from modelmatrix.scaling.fleet import Candidate
from modelmatrix.scaling.margin import required
from modelmatrix.scaling.memory import Memory

# The sharpness of the edge depends on the number of replicas that follows from it, but little.
USUAL_MARGIN = 1.2


@dataclass(frozen=True, slots=True)
class Need:
    """A rate that must be served, and the replicas that it takes with the margin."""

    rate_per_second: float
    replicas: float
    margin: float


def need(rate_per_second: float, deviation: float, candidate: Candidate, memory: Memory, slo: SloBounds) -> Need:
    """Replicas of a candidate that keep the SLO at a rate known up to a relative deviation."""
    wanted = _required(rate_per_second, deviation, candidate, memory, memory.margin.integral.z(slo))
    margin = wanted / rate_per_second - 1.0 if rate_per_second else 0.0
    return Need(rate_per_second, wanted / candidate.per_second, margin)


def most_per_second(rate_per_second: float, deviation: float, candidate: Candidate, memory: Memory, slo: SloBounds) -> float:
    """Requests per second that replicas serve which are there for a rate with the largest margin that there can be."""
    return _required(rate_per_second, deviation, candidate, memory, memory.margin.integral.highest_z(slo))


def _required(rate_per_second: float, deviation: float, candidate: Candidate, memory: Memory, z: float) -> float:
    replicas = USUAL_MARGIN * rate_per_second / candidate.per_second
    edge = memory.margin.tail.factor * candidate.edge_deviation(replicas, memory.demand.dispersion.index)
    return required(rate_per_second, deviation, edge, z)
