"""A made-up past: series over the last minutes and the next ones, as text that promtool makes blocks from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Value = Callable[[float], float | None]

SCRAPE_SECONDS = 15.0
# Samples of the future: a slow machine asks late, and what it asks for must be there.
FIRST_SECONDS, LAST_SECONDS = -900.0, 600.0


@dataclass(slots=True)
class Past:
    """Series around ``now``, in seconds since the epoch, scraped every ``scrape_seconds``."""

    scrape_seconds: float = SCRAPE_SECONDS
    now: float = field(default_factory=time.time)
    _series: dict[str, list[str]] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)

    def add(
        self,
        name: str,
        labels: Mapping[str, str],
        value: Value | float,
        *,
        first: float = FIRST_SECONDS,
        last: float = LAST_SECONDS,
    ) -> None:
        """A series, scraped at a steady pace from ``first`` to ``last``; its value at a time, or none then."""
        written = ",".join(f'{key}="{text}"' for key, text in labels.items())
        if f"{name}{{{written}}}" in self._known:
            return  # a pod with two engines is scraped once
        self._known.add(f"{name}{{{written}}}")
        lines = self._series.setdefault(name, [])
        for second in _steps(first, last, self.scrape_seconds):
            number = value(second) if callable(value) else value
            if number is not None:
                lines.append(f"{name}{{{written}}} {_number(number)} {self.now + second:.3f}")

    def write(self, path: Path) -> Path:
        """Write everything in the OpenMetrics format."""
        lines = [line for series in self._series.values() for line in series]
        path.write_text("\n".join((*lines, "# EOF")) + "\n", encoding="utf-8")
        return path


def _steps(first: float, last: float, pace: float) -> Iterable[float]:
    return (first + step * pace for step in range(int((last - first) / pace) + 1))


def _number(value: float) -> str:
    return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(repr(value), repr(value))


def growing(per_second: float, *, start: float = 1000.0, since: float = FIRST_SECONDS) -> Value:
    """A counter that grows steadily."""
    return lambda second: start + per_second * (second - since)
