"""The minimal device time that serves a workload: a dynamic program over integer replicas and backlog.

Time is in bins; a unit of work is what one replica serves in a bin. By the end of each bin all work due by then is done, and
no work is done before it has arrived. An added replica costs its start-up time, a removed one costs nothing more. Work may be
dropped at a price.

Only loops, numbers and arrays, so that ``compiled`` can compile it.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def least_cost(
    arrived: np.ndarray,
    due: np.ndarray,
    min_replicas: int,
    start_bins: float,
    price: float,
    tables: tuple[np.ndarray, np.ndarray],
) -> float:
    """The minimal sum of replicas over bins plus the cost of starts and drops; the initial number of replicas is free.

    Args:
        arrived: cumulative work that has arrived by the end of each bin, rounded up.
        due: cumulative work that must be done by the end of each bin, rounded down.
        min_replicas: the minimal number of replicas.
        start_bins: bins that an added replica costs before it serves.
        price: the cost of a dropped unit of work in replica-bins.
        tables: two scratch arrays with a row per number of replicas and a column per backlog, both from 0 on.
    """
    cost, following = tables
    cost[:, :] = inf
    following[:, :] = inf
    cost[min_replicas:, 0] = 0.0
    before, limit_before = 0, 0
    for index in range(len(arrived)):
        new, limit = arrived[index] - before, arrived[index] - due[index]
        _resize(cost, min_replicas, limit_before, start_bins)
        _serve(cost, following, min_replicas, (limit_before, new, limit), price)
        before, limit_before = arrived[index], limit
        cost, following = following, cost
    return float(cost[:, : limit_before + 1].min())


def _resize(cost: np.ndarray, min_replicas: int, reach: int, start_bins: float) -> None:
    """Change the number of replicas: removals cost nothing, each addition costs a start."""
    rows = cost.shape[0]
    for backlog in range(reach + 1):
        for replicas in range(rows - 2, min_replicas - 1, -1):
            cost[replicas, backlog] = min(cost[replicas, backlog], cost[replicas + 1, backlog])
        for replicas in range(min_replicas + 1, rows):
            cost[replicas, backlog] = min(cost[replicas, backlog], cost[replicas - 1, backlog] + start_bins)


def _serve(cost: np.ndarray, following: np.ndarray, min_replicas: int, backlogs: tuple[int, int, int], price: float) -> None:
    """Advance by one bin: work arrives, replicas serve it, and late work is dropped."""
    reach, new, limit = backlogs
    for replicas in range(min_replicas, cost.shape[0]):
        for backlog in range(limit + 1):
            following[replicas, backlog] = inf
        for backlog in range(reach + 1):
            left = max(0, backlog + new - replicas)
            value = cost[replicas, backlog] + replicas + price * max(0, left - limit)
            left = min(left, limit)
            following[replicas, left] = min(following[replicas, left], value)
