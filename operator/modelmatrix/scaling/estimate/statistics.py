"""The normal distribution and least-squares lines, as far as the estimators need them. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import erfc, exp, pi, sqrt
from statistics import NormalDist

_STANDARD = NormalDist()
_ROOT_TWO = sqrt(2.0)
_DENSITY = 1.0 / sqrt(2.0 * pi)
# A line through fewer values follows their noise.
MIN_LINE_VALUES = 5


@lru_cache(maxsize=128)
def quantile(share: float) -> float:
    """The standard normal deviate below which a share of all cases lies."""
    return _STANDARD.inv_cdf(share)


def upper_tail(deviation: float) -> float:
    """The share of cases above a standard normal deviate."""
    return 0.5 * erfc(deviation / _ROOT_TWO)


def density(deviation: float) -> float:
    """The standard normal density at a deviate."""
    return _DENSITY * exp(-0.5 * deviation * deviation)


def slope(values: Sequence[float]) -> float:
    """Least-squares slope through values one step apart, per step; 0.0 for fewer than ``MIN_LINE_VALUES``."""
    count = len(values)
    if count < MIN_LINE_VALUES:
        return 0.0
    middle = (count - 1) / 2.0
    squares = count * (count * count - 1) / 12.0
    return sum((index - middle) * value for index, value in enumerate(values)) / squares
