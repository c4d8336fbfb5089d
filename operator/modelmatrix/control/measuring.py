"""Looks at the signals now and then, beside the loop: a Prometheus that hangs must not stop anything else."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from modelmatrix.planning.views import Key
from modelmatrix.scaling.observation import History
from modelmatrix.telemetry.answers import PrometheusError, Vector
from modelmatrix.telemetry.clock import ModelClock
from modelmatrix.telemetry.history import HistoryQuery, histories
from modelmatrix.telemetry.prometheus import Prometheus
from modelmatrix.telemetry.queries import NEEDED, QuerySet

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """One look at Prometheus: its answers by query, and why others are missing or a part only.

    ``real_seconds`` is when it was asked. ``histories`` are there in the first good look after a start.
    """

    real_seconds: float = 0.0
    vectors: Mapping[str, Vector] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    histories: Mapping[Key, History] = field(default_factory=dict)

    @property
    def error(self) -> str:
        """Why nothing must be concluded from what is missing; empty when nothing that is needed is."""
        wrong = [text for name, text in self.errors.items() if name in NEEDED]
        return wrong[0] if wrong else ""

    @property
    def is_blind(self) -> bool:
        """Whether there is no answer at all."""
        return not self.vectors


class Measurer:
    """Asks a query set at a steady pace. ``queries`` gives the set of the moment; an empty one asks nothing.

    ``past`` gives the range query that is asked before the first good look.
    """

    def __init__(
        self,
        prometheus: Prometheus | None,
        clock: ModelClock,
        interval_seconds: float,
        *,
        queries: Callable[[], QuerySet],
        past: Callable[[], HistoryQuery],
        done: Callable[[], None],
    ) -> None:
        self.look: Look | None = None
        self._prometheus = prometheus
        self._clock = clock
        self._pause = clock.real_seconds(interval_seconds)
        self._queries = queries
        self._past = past
        self._done = done
        self._knows_past = False
        self._failing: set[str] = set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            expressions = self._queries().expressions
            if expressions:
                self.look = await self.ask(expressions)
                self._done()
            await asyncio.sleep(self._pause)

    async def ask(self, expressions: Mapping[str, str]) -> Look:
        """One look. Never raises: what went wrong is in it."""
        if self._prometheus is None:
            words = "no Prometheus is configured; set prometheus-url"
            return Look(time.time(), errors=dict.fromkeys(expressions, words))
        past = {} if self._knows_past else await self._recall(self._prometheus)
        asked_at = time.time()
        asked = (self._prometheus.query(text) for text in expressions.values())
        answers = dict(zip(expressions, await asyncio.gather(*asked, return_exceptions=True), strict=True))
        look = _look_of(asked_at, answers, past)
        # A Prometheus that answers now and could not tell the past is not asked for it again and again.
        self._knows_past = self._knows_past or not look.error
        self._tell(look.errors)
        return look

    async def _recall(self, prometheus: Prometheus) -> dict[Key, History]:
        """The past of every deployment; nothing when Prometheus cannot tell it, and priors must do."""
        asked, now = self._past(), time.time()
        try:
            series = await prometheus.query_range(
                asked.expression,
                start=now - asked.real_seconds,
                end=now,
                step_seconds=asked.step_real_seconds,
            )
        except PrometheusError as error:
            _log.warning("what was learned before is not known again: %s", error)
            return {}
        return histories(series, asked, self._clock.now() - now * self._clock.scale)

    def _tell(self, errors: Mapping[str, str]) -> None:
        """Log the first failure of a row of each query; conditions and metrics tell the rest."""
        new: dict[str, list[str]] = {}
        for name, words in errors.items():
            if name not in self._failing:
                new.setdefault(words, []).append(name)
        for words, names in new.items():
            _log.warning("signals (%s): %s", ", ".join(names), words)
        self._failing = set(errors)


def _look_of(asked_at: float, answers: Mapping[str, Vector | BaseException], past: Mapping[Key, History]) -> Look:
    vectors: dict[str, Vector] = {}
    errors: dict[str, str] = {}
    for name, answer in answers.items():
        if isinstance(answer, Vector):
            vectors[name] = answer
            if answer.warnings:
                errors[name] = f"Prometheus's answer may be a part only: {answer.warnings[0]}"
        elif isinstance(answer, PrometheusError):
            errors[name] = str(answer)
        else:
            raise answer
    return Look(asked_at, vectors, errors, past)
