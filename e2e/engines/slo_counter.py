"""Counts the requests of a deployment that met its SLO, in total and over the last five model minutes. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelmatrix.performance.engine_timing import SloBounds
    from modelmatrix.simulation.engine.request import Completed

RECENT_SECONDS = 300.0
_STEP_SECONDS = 10.0


@dataclass(slots=True)
class Count:
    """Requests that ended, and how many of them met each bound. Requests that were never served met none."""

    ended: int = 0
    ttft: int = 0
    tpot: int = 0
    both: int = 0

    def add(self, *, ttft: bool, tpot: bool, both: bool) -> None:
        """Count one request."""
        self.ended += 1
        self.ttft += ttft
        self.tpot += tpot
        self.both += both

    def document(self) -> dict[str, Any]:
        """Percentages for ``/state``; None before the first request has ended."""
        return {
            "ended": self.ended,
            "ttftPercent": self._percent(self.ttft),
            "tpotPercent": self._percent(self.tpot),
            "attainmentPercent": self._percent(self.both),
        }

    def _percent(self, part: int) -> float | None:
        return round(100.0 * part / self.ended, 2) if self.ended else None


class SloCounts:
    """Counts in total and over the last five model minutes."""

    __slots__ = ("_steps", "total")

    def __init__(self) -> None:
        self.total = Count()
        self._steps: deque[tuple[int, Count]] = deque()

    def add(self, completed: Completed, slo: SloBounds) -> None:
        """Count a finished request at the time of its finish."""
        self._add(
            completed.finished_seconds,
            ttft=completed.meets_ttft(slo),
            tpot=completed.meets_tpot(slo),
            both=completed.meets(slo),
        )

    def miss(self, second: float, number: int) -> None:
        """Count requests that will never finish as not met."""
        for _ in range(number):
            self._add(second, ttft=False, tpot=False, both=False)

    def recent(self, second: float) -> Count:
        """The requests that ended in the five minutes before a time."""
        while self._steps and self._steps[0][0] < (second - RECENT_SECONDS) // _STEP_SECONDS:
            self._steps.popleft()
        counts = [count for _, count in self._steps]
        return Count(
            sum(count.ended for count in counts),
            sum(count.ttft for count in counts),
            sum(count.tpot for count in counts),
            sum(count.both for count in counts),
        )

    def _add(self, second: float, *, ttft: bool, tpot: bool, both: bool) -> None:
        self.total.add(ttft=ttft, tpot=tpot, both=both)
        step = int(second // _STEP_SECONDS)
        if not self._steps or self._steps[-1][0] < step:
            self._steps.append((step, Count()))
        self._steps[-1][1].add(ttft=ttft, tpot=tpot, both=both)
