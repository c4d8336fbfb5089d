"""Looks at the signals now and then, beside the loop: a Prometheus that hangs must not stop anything else."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from modelmatrix.telemetry.clock import ModelClock
from modelmatrix.telemetry.prometheus import Prometheus, PrometheusError, Vector
from modelmatrix.telemetry.queries import QuerySet

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """One look at Prometheus: its answers by query, or why there are none. ``real_seconds`` is when it was asked."""

    real_seconds: float = 0.0
    vectors: Mapping[str, Vector] = field(default_factory=dict)
    error: str = ""


class Measurer:
    """Asks a query set at a steady pace. ``queries`` gives the set of the moment; an empty one asks nothing."""

    def __init__(
        self,
        prometheus: Prometheus | None,
        clock: ModelClock,
        interval_seconds: float,
        queries: Callable[[], QuerySet],
        done: Callable[[], None],
    ) -> None:
        self.look: Look | None = None
        self._prometheus = prometheus
        self._pause = clock.real_seconds(interval_seconds)
        self._queries = queries
        self._done = done
        self._failing = False

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            expressions = self._queries().expressions
            if expressions:
                self.look = await self._ask(expressions)
                self._done()
            await asyncio.sleep(self._pause)

    async def _ask(self, expressions: Mapping[str, str]) -> Look:
        now = time.time()
        if self._prometheus is None:
            return Look(now, error="no Prometheus is configured; set prometheus-url")
        try:
            answers = await asyncio.gather(*(self._prometheus.query(text) for text in expressions.values()))
        except PrometheusError as error:
            self._tell(str(error))
            return Look(now, error=str(error))
        self._failing = False
        return Look(now, dict(zip(expressions, answers, strict=True)))

    def _tell(self, error: str) -> None:
        """Log the first failure of a row; conditions and metrics tell the rest."""
        if not self._failing:
            _log.warning("signals: %s", error)
        self._failing = True
