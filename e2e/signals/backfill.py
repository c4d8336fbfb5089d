"""Backfilled series over the last minutes and the next ones, as OpenMetrics text from which promtool makes blocks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Value = Callable[[float], float | None]

SCRAPE_SECONDS = 15.0
# Includes samples of the future: a slow machine queries late, and its queries must find samples.
FIRST_SECONDS, LAST_SECONDS = -900.0, 600.0


@dataclass(slots=True)
class BackfilledSeries:
    """Series around ``now``, in seconds since the epoch, scraped every ``scrape_seconds``."""

    scrape_seconds: float = SCRAPE_SECONDS
    now: float = field(default_factory=time.time)
    _series: dict[str, list[str]] = field(default_factory=dict)
    _added: set[str] = field(default_factory=set)

    def add(
        self,
        name: str,
        labels: Mapping[str, str],
        value: Value | float,
        *,
        first: float = FIRST_SECONDS,
        last: float = LAST_SECONDS,
    ) -> None:
        """Add a series, scraped at equal intervals from ``first`` to ``last`` (seconds relative to now).

        A function gives the value at a time, or None for no sample. Adding the same series again has no effect.
        """
        label_text = ",".join(f'{key}="{text}"' for key, text in labels.items())
        if f"{name}{{{label_text}}}" in self._added:
            return  # a pod with two engines has its target's series once
        self._added.add(f"{name}{{{label_text}}}")
        lines = self._series.setdefault(name, [])
        for second in _steps(first, last, self.scrape_seconds):
            number = value(second) if callable(value) else value
            if number is not None:
                lines.append(f"{name}{{{label_text}}} {_number(number)} {self.now + second:.3f}")

    def write(self, path: Path) -> Path:
        """Write all series in the OpenMetrics format; returns the path."""
        lines = [line for series in self._series.values() for line in series]
        path.write_text("\n".join((*lines, "# EOF")) + "\n", encoding="utf-8")
        return path


def _steps(first: float, last: float, pace: float) -> Iterable[float]:
    return (first + step * pace for step in range(int((last - first) / pace) + 1))


def _number(value: float) -> str:
    return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(repr(value), repr(value))


def growing(per_second: float, *, start: float = 1000.0, since: float = FIRST_SECONDS) -> Value:
    """A counter that grows at a constant rate and has the value ``start`` at ``since``."""
    return lambda second: start + per_second * (second - since)
