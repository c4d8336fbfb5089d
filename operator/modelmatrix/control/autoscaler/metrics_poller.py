"""Polls Prometheus: one request per query and poll, with the failures of each query beside the answers of the others.

Answers that change slowly are cached for a minute. Before the first good poll the past of the fleet is read once, by a range
query, so that a restarted operator knows what the one before it had learned.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.scaling.observation.observation import History
from modelmatrix.signals.fleet_queries import NEEDED, SELDOM, SELDOM_SECONDS
from modelmatrix.signals.history import HistoryQuery, histories
from modelmatrix.signals.vectors import PrometheusError, Vector
from modelmatrix.telemetry.model_clock import ModelClock
from modelmatrix.telemetry.prometheus_client import Prometheus

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MetricsPoll:
    """The answers of Prometheus by query, and why others are missing or incomplete.

    ``real_seconds`` is the time of the poll. Only the first good poll of a process has ``histories``.
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
    """Polls at most once an interval, in seconds of model time. ``time`` is the clock of objects and of Prometheus."""

    prometheus: Prometheus | None
    clock: ModelClock
    interval_seconds: float
    time: Callable[[], float] = time.time
    knows_past: bool = False
    _cached: dict[str, CachedVector] = field(default_factory=dict)
    _failing: set[str] = field(default_factory=set)

    @property
    def pause_seconds(self) -> float:
        """Real seconds between two polls."""
        return self.clock.real_seconds(self.interval_seconds)

    async def poll(self, expressions: Mapping[str, str], past: HistoryQuery | None = None) -> MetricsPoll:
        """One poll, with the past if it is queried too. Never raises: the poll holds what went wrong."""
        if self.prometheus is None:
            message = "no Prometheus is configured; set prometheus-url"
            return MetricsPoll(self.time(), errors=dict.fromkeys(expressions, message))
        recalled = {} if past is None or self.knows_past else await self._recall(self.prometheus, past)
        now = self.time()
        cached = {name: entry for name, entry in self._cached.items() if entry.is_good(expressions.get(name), now)}
        due = {name: text for name, text in expressions.items() if name not in cached}
        answers = await asyncio.gather(*map(self.prometheus.query, due.values()), return_exceptions=True)
        vectors, errors = _sorted(dict(zip(due, answers, strict=True)))
        until = now + self.clock.real_seconds(SELDOM_SECONDS)
        fresh = {
            name: CachedVector(due[name], until, vector) for name, vector in vectors.items() if name in SELDOM - errors.keys()
        }
        self._cached = cached | fresh
        poll = MetricsPoll(now, {**{name: entry.vector for name, entry in cached.items()}, **vectors}, errors, recalled)
        # A Prometheus that answers now and could not return the past is not queried for it again and again.
        self.knows_past = self.knows_past or not poll.error
        self._log_failures(errors)
        return poll

    async def _recall(self, prometheus: Prometheus, past: HistoryQuery) -> dict[NamespacedName, History]:
        """The past of every deployment; empty when Prometheus does not have it, and priors must do."""
        now = self.time()
        if not past.expression:
            return {}
        try:
            series = await prometheus.query_range(
                past.expression,
                start=now - past.real_seconds,
                end=now,
                step_seconds=past.step_real_seconds,
            )
        except PrometheusError as error:
            _log.warning("the history of traffic could not be read: %s", error)
            return {}
        return histories(series, past, self.clock.now() - now * self.clock.scale)

    def _log_failures(self, errors: Mapping[str, str]) -> None:
        """Log the first failure in a row of each query; conditions and metrics report the rest."""
        new: dict[str, list[str]] = {}
        for name, message in errors.items():
            if name not in self._failing:
                new.setdefault(message, []).append(name)
        for message, names in new.items():
            _log.warning("signals (%s): %s", ", ".join(names), message, extra={"signals": names})
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
