"""The capacity that keeps the SLO at an uncertain rate, in requests per second and in replicas.

Requests miss when the load exceeds the edge of the capacity, and both are uncertain: arrivals around the forecast ``f`` with a
relative deviation ``a``, the edge around one with a relative deviation ``e`` (``replica_capacity``, times the learned factor of
``miss_curve``). With ``z`` standard deviations of margin (``safety_margin``) the capacity ``C`` solves

    C - f = z * sqrt((e * C)^2 + (a * f)^2)

which is a quadratic in ``C``; its larger root is used. The standard error of a difference of independent normal variables, as
in square-root staffing (Halfin and Whitt, "Heavy-traffic limits for queues with many exponential servers", 1981). Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from modelmatrix.performance.engine_timing import SloBounds
from modelmatrix.scaling.decide.pool_candidates import PoolCandidateCapacity
from modelmatrix.scaling.state.state import PolicyState

# The sharpness of the edge depends on the number of replicas that follows from it, but little.
TYPICAL_MARGIN = 1.2
# If the edge were blurred by more, no capacity would be enough; engines are not like that.
MAX_EDGE_DEVIATION = 0.8


@dataclass(frozen=True, slots=True)
class CapacityNeed:
    """A rate to serve, the replicas of the reference pool for it, and the relative margin that they include."""

    rate_per_second: float
    replicas: float
    margin: float


def capacity_need(
    rate_per_second: float, deviation: float, candidate: PoolCandidateCapacity, state: PolicyState, slo: SloBounds
) -> CapacityNeed:
    """Replicas of a candidate that keep the SLO at a rate known up to a relative deviation."""
    capacity = _with_margin(rate_per_second, deviation, candidate, state, state.margin.safety_margin.z(slo))
    margin = capacity / rate_per_second - 1.0 if rate_per_second else 0.0
    return CapacityNeed(rate_per_second, capacity / candidate.per_second, margin)


def most_per_second(
    rate_per_second: float, deviation: float, candidate: PoolCandidateCapacity, state: PolicyState, slo: SloBounds
) -> float:
    """Requests per second that the replicas for a rate serve when the margin is the largest possible one."""
    return _with_margin(rate_per_second, deviation, candidate, state, state.margin.safety_margin.highest_z(slo))


def required_capacity(rate_per_second: float, deviation: float, edge_deviation: float, z: float) -> float:
    """Requests per second that replicas must be able to serve for a rate to be within the SLO.

    Args:
        rate_per_second: expected arrivals.
        deviation: relative deviation of the arrivals upwards.
        edge_deviation: relative deviation of the edge of the capacity.
        z: standard deviations to stay away from the edge.
    """
    edge = min(z * edge_deviation, MAX_EDGE_DEVIATION) ** 2
    arrivals = (z * deviation) ** 2
    # The larger root of (1 - edge) C^2 - 2 f C + (1 - arrivals) f^2 = 0.
    return rate_per_second * (1.0 + sqrt(max(0.0, edge + arrivals - edge * arrivals))) / (1.0 - edge)


def _with_margin(
    rate_per_second: float, deviation: float, candidate: PoolCandidateCapacity, state: PolicyState, z: float
) -> float:
    replicas = TYPICAL_MARGIN * rate_per_second / candidate.per_second
    edge = state.margin.miss_curve.factor * candidate.edge_deviation(replicas, state.demand.dispersion.index)
    return required_capacity(rate_per_second, deviation, edge, z)
