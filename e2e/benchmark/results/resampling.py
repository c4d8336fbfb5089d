"""Confidence intervals by bootstrap over blocks: days of all seeds, drawn with replacement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.results.scoring import Block

DRAWS = 2000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % confidence interval."""

    low: float
    high: float


def attainment_interval(blocks: Sequence[Block]) -> Interval:
    """The interval of the attainment in percent, weighted by requests."""
    requests = np.array([block.requests for block in blocks])
    met = np.array([block.met for block in blocks])
    drawn = _drawn(len(blocks))
    return _interval(100.0 * met[drawn].sum(axis=1) / np.maximum(requests[drawn].sum(axis=1), 1e-9))


def ratio_interval(costs: Sequence[float], others: Sequence[float]) -> Interval:
    """The interval of the ratio of two sums over paired values, e.g. of the same seeds."""
    drawn = _drawn(len(costs))
    return _interval(np.array(costs)[drawn].sum(axis=1) / np.array(others)[drawn].sum(axis=1))


def _drawn(number: int) -> np.ndarray:
    return np.random.default_rng(20_260_101).integers(0, number, (DRAWS, number))


def _interval(values: np.ndarray) -> Interval:
    low, high = np.quantile(values, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0])
    return Interval(float(low), float(high))
