"""The capacity that keeps the SLO: what arrives, what the forecast may be wrong by, and what the edge is blurred by.

Requests miss when the load exceeds the edge of the capacity. Both are normal: the arrivals around the forecast, the edge
around one. The capacity ``C`` for ``z`` deviations solves ``C - f = z * sqrt((edge * C)^2 + (forecast * f)^2)``.
"""

from __future__ import annotations

from math import sqrt

# At a blur of the whole edge no capacity is enough; engines are not like that.
LARGEST_BLUR = 0.8


def required_capacity(rate_per_second: float, deviation: float, edge_deviation: float, z: float) -> float:
    """Requests per second that replicas must be able to serve so that a rate is within the SLO with ``z`` deviations.

    Args:
        rate_per_second: what is expected to arrive.
        deviation: relative deviation of that number upwards.
        edge_deviation: relative deviation of the edge of the capacity.
        z: number of deviations to stay away from the edge.
    """
    edge = min(z * edge_deviation, LARGEST_BLUR) ** 2
    arrivals = (z * deviation) ** 2
    # The larger root of (1 - edge) C^2 - 2 f C + (1 - arrivals) f^2 = 0.
    return rate_per_second * (1.0 + sqrt(max(0.0, edge + arrivals - edge * arrivals))) / (1.0 - edge)
