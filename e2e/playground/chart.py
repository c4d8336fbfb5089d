"""Small charts of text: a line of bars for a series, a row of dots for replicas. Pure."""

from __future__ import annotations

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
PLAIN_BARS = "_.-=+*#@"
READY, STARTING = "●", "○"
PLAIN_READY, PLAIN_STARTING = "#", "o"


def bars(values: Sequence[float | None], *, low: float, high: float, plain: bool = False) -> str:
    """One character a value, between ``low`` and ``high``; a space where nothing is known."""
    levels = PLAIN_BARS if plain else BARS
    span = high - low
    return "".join(" " if value is None else levels[_level(value, low, span)] for value in values)


def dots(ready: int, desired: int, *, plain: bool = False) -> str:
    """Replicas that serve, and those that start."""
    full, empty = (PLAIN_READY, PLAIN_STARTING) if plain else (READY, STARTING)
    return full * ready + empty * max(0, desired - ready)


def _level(value: float, low: float, span: float) -> int:
    share = (value - low) / span if span > 0 else 1.0
    return min(len(BARS) - 1, max(0, int(share * len(BARS))))
