"""The normal distribution, as far as margins need it. Pure arithmetic."""

from __future__ import annotations

from functools import lru_cache
from math import erfc, exp, pi, sqrt
from statistics import NormalDist

_STANDARD = NormalDist()
_ROOT_TWO = sqrt(2.0)
_DENSITY = 1.0 / sqrt(2.0 * pi)


@lru_cache(maxsize=128)
def quantile(share: float) -> float:
    """The deviation that a share of all cases stays below."""
    return _STANDARD.inv_cdf(share)


def upper_tail(deviation: float) -> float:
    """The share of cases above a deviation."""
    return 0.5 * erfc(deviation / _ROOT_TWO)


def density(deviation: float) -> float:
    """The density at a deviation."""
    return _DENSITY * exp(-0.5 * deviation * deviation)
