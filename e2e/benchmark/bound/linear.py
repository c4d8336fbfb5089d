"""The bound for replicas of several kinds on limited pools: a linear program over all deployments in bins of a minute.

Numbers of replicas are continuous, so for small fleets the bound is weaker than that of the dynamic program.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

BIN_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One variant: requests per second, price per replica-hour, devices and start-up seconds of a replica, and its pool."""

    per_second: float
    price: float
    devices: int
    start_seconds: float
    pool: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One deployment: cumulative requests that have arrived and that are due by the end of each bin, and its variants."""

    arrived: np.ndarray
    due: np.ndarray
    droppable: float
    min_replicas: int
    kinds: tuple[Kind, ...]


class _Program:
    """A linear program under construction: columns are variables, rows are constraints."""

    def __init__(self) -> None:
        self.costs: list[np.ndarray] = []
        self.columns = 0
        self.rows = 0
        self.limits: list[np.ndarray] = []
        self.entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add_columns(self, cost: float, number: int) -> np.ndarray:
        """Add non-negative variables with a cost each; returns their column numbers."""
        self.costs.append(np.full(number, cost))
        self.columns += number
        return np.arange(self.columns - number, self.columns)

    def add_rows(self, limit: np.ndarray, *terms: tuple[np.ndarray, np.ndarray, float]) -> None:
        """Add constraints ``sum of terms <= limit``; a term is (row from 0 on, column, factor)."""
        for row, column, factor in terms:
            self.entries.append((row + self.rows, column, np.full(len(row), factor)))
        self.limits.append(limit)
        self.rows += len(limit)

    def solve(self) -> float:
        """The minimal cost.

        Raises:
            ValueError: the program is infeasible.
        """
        from scipy.optimize import linprog  # noqa: PLC0415 - only this needs it
        from scipy.sparse import coo_array  # noqa: PLC0415

        rows, columns, factors = (np.concatenate(parts) for parts in zip(*self.entries, strict=True))
        matrix = coo_array((factors, (rows, columns)), shape=(self.rows, self.columns)).tocsr()
        result = linprog(np.concatenate(self.costs), A_ub=matrix, b_ub=np.concatenate(self.limits), method="highs")
        if not result.success:
            raise ValueError(f"the pools cannot serve the demand: {result.message}")
        return float(result.fun)


def least_cost(demands: Sequence[Demand], pools: dict[str, int]) -> float:
    """The minimal cost of all deployments on pools with these numbers of devices; other pools are unlimited.

    Raises:
        ValueError: the pools cannot serve the demand.
    """
    program = _Program()
    bins = len(demands[0].arrived)
    index = np.arange(bins)
    held: dict[str, list[tuple[np.ndarray, np.ndarray, float]]] = {pool: [] for pool in pools}
    for demand in demands:
        numbers = [_replicas(program, kind, bins) for kind in demand.kinds]
        _serve(program, demand, numbers)
        for kind, columns in zip(demand.kinds, numbers, strict=True):
            if kind.pool in held:
                held[kind.pool].append((index, columns, float(kind.devices)))
    for pool, terms in held.items():
        if terms:
            program.add_rows(np.full(bins, float(pools[pool])), *terms)
    return program.solve()


def _replicas(program: _Program, kind: Kind, bins: int) -> np.ndarray:
    """Add variables for the replicas in each bin and for their increases, which cost a start."""
    numbers = program.add_columns(kind.price * BIN_SECONDS / 3600.0, bins)
    added = program.add_columns(kind.price * kind.start_seconds / 3600.0, bins - 1)
    index = np.arange(bins - 1)
    program.add_rows(np.zeros(bins - 1), (index, numbers[1:], 1.0), (index, numbers[:-1], -1.0), (index, added, -1.0))
    return numbers


def _serve(program: _Program, demand: Demand, numbers: Sequence[np.ndarray]) -> None:
    """Constrain the cumulative requests that are done or dropped between those that are due and those that have arrived."""
    bins = len(demand.arrived)
    index = np.arange(bins)
    done, dropped = program.add_columns(0.0, bins), program.add_columns(0.0, bins)
    program.add_rows(demand.arrived, (index, done, 1.0), (index, dropped, 1.0))
    program.add_rows(-demand.due, (index, done, -1.0), (index, dropped, -1.0))
    program.add_rows(np.array([demand.droppable]), (np.array([0]), dropped[-1:], 1.0))
    for cumulated in (done, dropped):
        program.add_rows(np.zeros(bins - 1), (index[:-1], cumulated[:-1], 1.0), (index[:-1], cumulated[1:], -1.0))
    capacity = [(index, columns, -kind.per_second * BIN_SECONDS) for kind, columns in zip(demand.kinds, numbers, strict=True)]
    program.add_rows(np.zeros(bins), (index, done, 1.0), (index[1:], done[:-1], -1.0), *capacity)
    program.add_rows(np.full(bins, -float(demand.min_replicas)), *((index, columns, -1.0) for columns in numbers))
