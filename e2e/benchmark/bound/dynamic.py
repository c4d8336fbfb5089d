"""The least device time that serves a workload: a dynamic program over integer replicas and backlog.

Time is in bins, work in what one replica serves in a bin. After each bin all work is done that was due by then, and none
was done before it arrived. A replica that is added is paid for during its start, one that is removed costs nothing more.
Work may also be dropped, at a price.

Loops, numbers and arrays only: ``compiled`` makes it fast. It must not know where work comes from.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def least_cost(
    arrived: np.ndarray, due: np.ndarray, lowest: int, start_bins: float, price: float, tables: tuple[np.ndarray, np.ndarray]
) -> float:
    """The least sum of replicas over bins, starts and drops included; the beginning is free to choose.

    Args:
        arrived: work that has arrived by the end of each bin, cumulated and rounded up.
        due: work that must be done by the end of each bin, cumulated and rounded down.
        lowest: the least number of replicas.
        start_bins: bins that an added replica is paid for before it serves.
        price: replica-bins that a dropped unit of work costs.
        tables: two arrays of room, a row for each number of replicas from 0 on, a column for each backlog from 0 on.
    """
    cost, following = tables
    cost[:, :] = inf
    following[:, :] = inf
    cost[lowest:, 0] = 0.0
    before, limit_before = 0, 0
    for index in range(len(arrived)):
        new, limit = arrived[index] - before, arrived[index] - due[index]
        _resize(cost, lowest, limit_before, start_bins)
        _serve(cost, following, lowest, (limit_before, new, limit), price)
        before, limit_before = arrived[index], limit
        cost, following = following, cost
    return float(cost[:, : limit_before + 1].min())


def _resize(cost: np.ndarray, lowest: int, reach: int, start_bins: float) -> None:
    """Let the number of replicas change: down for nothing, up for a start each."""
    rows = cost.shape[0]
    for backlog in range(reach + 1):
        for replicas in range(rows - 2, lowest - 1, -1):
            cost[replicas, backlog] = min(cost[replicas, backlog], cost[replicas + 1, backlog])
        for replicas in range(lowest + 1, rows):
            cost[replicas, backlog] = min(cost[replicas, backlog], cost[replicas - 1, backlog] + start_bins)


def _serve(cost: np.ndarray, following: np.ndarray, lowest: int, backlogs: tuple[int, int, int], price: float) -> None:
    """Let a bin pass: work arrives, replicas do what they can, what is late is dropped."""
    reach, new, limit = backlogs
    for replicas in range(lowest, cost.shape[0]):
        for backlog in range(limit + 1):
            following[replicas, backlog] = inf
        for backlog in range(reach + 1):
            left = max(0, backlog + new - replicas)
            value = cost[replicas, backlog] + replicas + price * max(0, left - limit)
            left = min(left, limit)
            following[replicas, left] = min(following[replicas, left], value)
