"""Looks at the signals now and then, beside the loop: a Prometheus that hangs must not stop anything else."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.scaling.observation.observation import History
from modelmatrix.signals.fleet_queries import NEEDED, SELDOM, SELDOM_SECONDS, QuerySet
from modelmatrix.signals.history import HistoryQuery, histories
from modelmatrix.signals.vectors import PrometheusError, Vector
from modelmatrix.telemetry.model_clock import ModelClock
from modelmatrix.telemetry.prometheus_client import Prometheus

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MetricsPoll:
    """One look at Prometheus: its answers by query, and why others are missing or a part only.

    ``real_seconds`` is when it was asked. ``histories`` are there in the first good look after a start.
    """

    real_seconds: float = 0.0
    vectors: Mapping[str, Vector] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    histories: Mapping[NamespacedName, History] = field(default_factory=dict)

    @property
    def error(self) -> str:
        """Why nothing must be concluded from what is missing; empty when nothing that is needed is."""
        wrong = [text for name, text in self.errors.items() if name in NEEDED]
        return wrong[0] if wrong else ""


@dataclass(frozen=True, slots=True)
class CachedVector:
    """An answer about what changes slowly: good for an expression until a time in seconds since the epoch."""

    expression: str
    until_seconds: float
    vector: Vector

    def is_good(self, expression: str | None, now: float) -> bool:
        """Whether it still answers an expression."""
        return self.expression == expression and now < self.until_seconds


@dataclass(slots=True)
class MetricsPoller:
    """Asks a query set at a steady pace. ``queries`` gives the set of the moment; an empty one asks nothing.

    ``past`` gives the range query that is asked before the first good look, ``done`` is called after every look; ``time`` is
    the clock of objects and of Prometheus.
    """

    prometheus: Prometheus | None
    clock: ModelClock
    interval_seconds: float
    queries: Callable[[], QuerySet]
    past: Callable[[], HistoryQuery]
    done: Callable[[], None]
    time: Callable[[], float] = time.time
    look: MetricsPoll | None = None
    _kept: dict[str, CachedVector] = field(default_factory=dict)
    _knows_past: bool = False
    _failing: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            expressions = self.queries().expressions
            if expressions:
                self.look = await self.ask(expressions)
                self.done()
            await asyncio.sleep(self.clock.real_seconds(self.interval_seconds))

    async def ask(self, expressions: Mapping[str, str]) -> MetricsPoll:
        """One look. Never raises: what went wrong is in it."""
        if self.prometheus is None:
            words = "no Prometheus is configured; set prometheus-url"
            return MetricsPoll(self.time(), errors=dict.fromkeys(expressions, words))
        past = {} if self._knows_past else await self._recall(self.prometheus)
        now = self.time()
        kept = {name: one for name, one in self._kept.items() if one.is_good(expressions.get(name), now)}
        due = {name: text for name, text in expressions.items() if name not in kept}
        answers = await asyncio.gather(*map(self.prometheus.query, due.values()), return_exceptions=True)
        vectors, errors = _sorted(dict(zip(due, answers, strict=True)))
        until = now + self.clock.real_seconds(SELDOM_SECONDS)
        fresh = {
            name: CachedVector(due[name], until, vector) for name, vector in vectors.items() if name in SELDOM - errors.keys()
        }
        self._kept = kept | fresh
        look = MetricsPoll(now, {**{name: one.vector for name, one in kept.items()}, **vectors}, errors, past)
        # A Prometheus that answers now and could not tell the past is not asked for it again and again.
        self._knows_past = self._knows_past or not look.error
        self._tell(errors)
        return look

    async def _recall(self, prometheus: Prometheus) -> dict[NamespacedName, History]:
        """The past of every deployment; nothing when Prometheus cannot tell it, and priors must do."""
        asked, now = self.past(), self.time()
        if not asked.expression:
            return {}
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
        return histories(series, asked, self.clock.now() - now * self.clock.scale)

    def _tell(self, errors: Mapping[str, str]) -> None:
        """Log the first failure of a row of each query; conditions and metrics tell the rest."""
        new: dict[str, list[str]] = {}
        for name, words in errors.items():
            if name not in self._failing:
                new.setdefault(words, []).append(name)
        for words, names in new.items():
            _log.warning("signals (%s): %s", ", ".join(names), words)
        self._failing = set(errors)


def _sorted(answers: Mapping[str, Vector | BaseException]) -> tuple[dict[str, Vector], dict[str, str]]:
    """Good answers, and what is wrong with the others; one that may be a part only is both."""
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
    return vectors, errors
