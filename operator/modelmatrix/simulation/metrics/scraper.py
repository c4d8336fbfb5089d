"""The scrapes of a simulated Prometheus: what each engine showed, which scrapes failed, and which targets are gone.

A scrape of all engines is made at once. Prometheus ends the series of a target when a scrape of it fails, and shortly after
the second scrape that a target is missing from; samples of before stay in range queries. The scraper computes nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from enum import StrEnum
from math import nan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelmatrix.simulation.engine.samples import EngineSample

# Scrapes that a target may be missing from before its series end (scrapeLoop.endOfRunStaleness in Prometheus).
MISSED_SCRAPES = 2


class FaultKind(StrEnum):
    """What goes wrong with metrics."""

    LOST = "lost"  # the scrape fails: no sample
    FROZEN = "frozen"  # the page no longer changes: the sample before, with a new time
    NAN = "nan"  # the gauges are not a number


@dataclass(frozen=True, slots=True)
class MetricsFault:
    """A fault from a second until before another one, of one engine or of all of them."""

    kind: FaultKind
    start_seconds: float
    end_seconds: float
    replica: str | None = None

    def applies_to(self, second: float, replica: str) -> bool:
        """Whether a scrape meets this fault."""
        return self.start_seconds <= second < self.end_seconds and self.replica in {None, replica}


class Scraper:
    """Samples by engine, oldest first. ``failing`` are engines whose last scrape failed, ``ended`` those whose series ended."""

    __slots__ = ("_faults", "_missed", "_retention", "ended", "failing", "samples")

    def __init__(self, *, retention_seconds: float = 900.0, faults: Iterable[MetricsFault] = ()) -> None:
        self._retention = retention_seconds
        self._faults = tuple(faults)
        self._missed: dict[str, int] = {}
        self.samples: dict[str, deque[EngineSample]] = {}
        self.failing: frozenset[str] = frozenset()
        self.ended: frozenset[str] = frozenset()

    def scrape(self, second: float, pages: Mapping[str, EngineSample]) -> None:
        """Store what the engines show now, and forget what is too old."""
        failing = set()
        for name, page in pages.items():
            sample = self._scraped(second, name, page)
            if sample is None:
                failing.add(name)
            else:
                self.samples.setdefault(name, deque()).append(sample)
        for name in list(self.samples):
            samples = self.samples[name]
            while samples and samples[0].second < second - self._retention:
                samples.popleft()
            if not samples:
                del self.samples[name]
        self._missed = {name: self._missed.get(name, 0) + 1 for name in self.samples if name not in pages}
        self.failing = frozenset(failing)
        self.ended = frozenset(name for name, missed in self._missed.items() if missed > MISSED_SCRAPES)

    def _scraped(self, second: float, name: str, page: EngineSample) -> EngineSample | None:
        for fault in self._faults:
            if fault.applies_to(second, name):
                return self._distorted(fault.kind, name, page)
        return page

    def _distorted(self, kind: FaultKind, name: str, page: EngineSample) -> EngineSample | None:
        if kind is FaultKind.LOST:
            return None
        if kind is FaultKind.NAN:
            return replace(page, running=nan, waiting=nan, kv_usage_ratio=nan)
        before = self.samples.get(name)
        return replace(before[-1] if before else page, second=page.second)
