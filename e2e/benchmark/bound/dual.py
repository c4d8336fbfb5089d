"""The bound at an attainment: the highest value of the Lagrangian over the price of dropped work.

Every price gives a valid bound, so a coarse search only makes the bound weaker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.bound import dynamic
from benchmark.bound.work import BIN_SECONDS
from benchmark.environment.compiled import functions

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmark.bound.work import Work

# Prices in replica-bins per unit of work: serving a unit costs 1, starting a replica for it about 100.
_CHEAPEST, _DEAREST = 0.5, 300.0
_ROUNDS = 8
_GOLDEN = (5.0**0.5 - 1.0) / 2.0


def least_replica_hours(work: Work, *, start_seconds: float, min_replicas: int) -> float:
    """A lower bound of the replica-hours of any plan that drops at most ``work.droppable``."""
    least_cost = functions(dynamic)["least_cost"]
    # More replicas than units that arrive in a bin are useless: that many leave no backlog.
    rows = max(int(np.diff(work.arrived, prepend=0).max()), min_replicas) + 1
    columns = int((work.arrived - work.due).max()) + 1
    tables = np.empty((rows, columns)), np.empty((rows, columns))

    def value(logarithm: float) -> float:
        price = float(np.exp(logarithm))
        cost = least_cost(work.arrived, work.due, min_replicas, start_seconds / BIN_SECONDS, price, tables)
        return float(cost - price * work.droppable)

    return maximize(value, float(np.log(_CHEAPEST)), float(np.log(_DEAREST))) * BIN_SECONDS / 3600.0


def maximize(value: Callable[[float], float], low: float, high: float) -> float:
    """The highest value of a unimodal function between two points, by golden-section search."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = value(left), value(right)
    best = max(at_left, at_right)
    for _ in range(_ROUNDS):
        if at_left < at_right:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = value(right)
        else:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = value(left)
        best = max(best, at_left, at_right)
    return best
