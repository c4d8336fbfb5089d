"""Lines through values that are equally far apart. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

# A line through fewer values says nothing.
FEWEST = 5


def slope(values: Sequence[float]) -> float:
    """Slope of the line through values that are a step apart, per step (least squares); 0.0 for a few values."""
    count = len(values)
    if count < FEWEST:
        return 0.0
    middle = (count - 1) / 2.0
    squares = count * (count * count - 1) / 12.0
    return sum((index - middle) * value for index, value in enumerate(values)) / squares
