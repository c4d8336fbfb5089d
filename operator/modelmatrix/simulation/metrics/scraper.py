"""A Prometheus of the simulation: it scrapes engines now and then, keeps what it saw for a while, and has bad days.

It stores samples and computes nothing. Engines that are gone leave their samples behind, as they do in reality.
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
    """Samples by engine, oldest first."""

    __slots__ = ("_faults", "_retention", "samples")

    def __init__(self, *, retention_seconds: float = 900.0, faults: Iterable[MetricsFault] = ()) -> None:
        self._retention = retention_seconds
        self._faults = tuple(faults)
        self.samples: dict[str, deque[EngineSample]] = {}

    def scrape(self, second: float, pages: Mapping[str, EngineSample]) -> None:
        """Store what the engines show now, and forget what is too old."""
        for name, page in pages.items():
            seen = self._seen(second, name, page)
            if seen is not None:
                self.samples.setdefault(name, deque()).append(seen)
        for name in list(self.samples):
            kept = self.samples[name]
            while kept and kept[0].second < second - self._retention:
                kept.popleft()
            if not kept:
                del self.samples[name]

    def _seen(self, second: float, name: str, page: EngineSample) -> EngineSample | None:
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
