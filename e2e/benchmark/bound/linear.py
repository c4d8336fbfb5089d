"""The bound where replicas of several kinds may serve and pools are limited: a linear program over all deployments.

Numbers of replicas are continuous, so it is weaker for small fleets than the dynamic program. Bins of a minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One way to serve a deployment: requests a second of a replica, price of a replica-hour, devices, start time, pool."""

    per_second: float
    price: float
    devices: int
    start_seconds: float
    pool: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One deployment: requests that have arrived and that are due by the end of each bin, cumulated; and its kinds."""

    arrived: np.ndarray
    due: np.ndarray
    droppable: float
    min_replicas: int
    kinds: tuple[Kind, ...]


class _Program:
    """Columns and rows as they are added."""

    def __init__(self) -> None:
        self.costs: list[np.ndarray] = []
        self.columns = 0
        self.rows = 0
        self.limits: list[np.ndarray] = []
        self.entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add_columns(self, cost: float, number: int) -> np.ndarray:
        """New variables from 0 on, with a cost each."""
        self.costs.append(np.full(number, cost))
        self.columns += number
        return np.arange(self.columns - number, self.columns)

    def add_rows(self, limit: np.ndarray, *terms: tuple[np.ndarray, np.ndarray, float]) -> None:
        """Sums that must not exceed a limit: terms are (row from 0 on, column, factor)."""
        for row, column, factor in terms:
            self.entries.append((row + self.rows, column, np.full(len(row), factor)))
        self.limits.append(limit)
        self.rows += len(limit)

    def solve(self) -> float:
        """The least cost."""
        from scipy.optimize import linprog  # noqa: PLC0415 - only this needs it
        from scipy.sparse import coo_array  # noqa: PLC0415

        rows, columns, factors = (np.concatenate(parts) for parts in zip(*self.entries, strict=True))
        matrix = coo_array((factors, (rows, columns)), shape=(self.rows, self.columns)).tocsr()
        found = linprog(np.concatenate(self.costs), A_ub=matrix, b_ub=np.concatenate(self.limits), method="highs")
        if not found.success:
            raise ValueError(f"the pools cannot serve the demand: {found.message}")
        return float(found.fun)


def least_cost(demands: Sequence[Demand], pools: dict[str, int]) -> float:
    """The least cost of all deployments on pools with so many devices; a pool that is not named has enough."""
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
    """Replicas in each bin, and what is added to them, which costs its start."""
    numbers = program.add_columns(kind.price * SECONDS / 3600.0, bins)
    added = program.add_columns(kind.price * kind.start_seconds / 3600.0, bins - 1)
    index = np.arange(bins - 1)
    program.add_rows(np.zeros(bins - 1), (index, numbers[1:], 1.0), (index, numbers[:-1], -1.0), (index, added, -1.0))
    return numbers


def _serve(program: _Program, demand: Demand, numbers: Sequence[np.ndarray]) -> None:
    """What is done by the end of each bin lies between what is due and what has arrived, drops included."""
    bins = len(demand.arrived)
    index = np.arange(bins)
    done, dropped = program.add_columns(0.0, bins), program.add_columns(0.0, bins)
    program.add_rows(demand.arrived, (index, done, 1.0), (index, dropped, 1.0))
    program.add_rows(-demand.due, (index, done, -1.0), (index, dropped, -1.0))
    program.add_rows(np.array([demand.droppable]), (np.array([0]), dropped[-1:], 1.0))
    for cumulated in (done, dropped):
        program.add_rows(np.zeros(bins - 1), (index[:-1], cumulated[:-1], 1.0), (index[:-1], cumulated[1:], -1.0))
    capacity = [(index, columns, -kind.per_second * SECONDS) for kind, columns in zip(demand.kinds, numbers, strict=True)]
    program.add_rows(np.zeros(bins), (index, done, 1.0), (index[1:], done[:-1], -1.0), *capacity)
    program.add_rows(np.full(bins, -float(demand.min_replicas)), *((index, columns, -1.0) for columns in numbers))
