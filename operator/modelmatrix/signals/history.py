"""The arrivals of the last days: one range query for the whole fleet, sent once, after a start. Pure.

The policy's forecast needs the same weekday a week ago, which a process that has just started has not seen. Prometheus has.
One range query returns the rate of every deployment in equal steps, and ``histories`` moves its times to model time. The more
deployments there are, the longer the steps, so that the answer stays below what the client reads of an answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from modelmatrix.catalogue.metrics import MetricDialect, Signal
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.scaling.observation.observation import History
from modelmatrix.signals.expressions import DividedBy, Expression, increase
from modelmatrix.signals.fleet_queries import arrivals
from modelmatrix.signals.promql import DialectQueries, union
from modelmatrix.signals.vectors import Series

# The same weekday a week ago is in it, and a little before.
PAST_SECONDS = 8 * 86400.0
FINEST_STEP_SECONDS = 300.0
# At about 30 bytes each they stay below the client's limit for a range answer.
MAX_POINTS = 700_000


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """A range query in steps of model time."""

    expression: str
    step_seconds: float
    time_scale: float

    @property
    def real_seconds(self) -> float:
        """How far back it looks, in Prometheus's time."""
        return PAST_SECONDS / self.time_scale

    @property
    def step_real_seconds(self) -> float:
        """Its step, in Prometheus's time."""
        return self.step_seconds / self.time_scale


def history_query(dialects: Iterable[MetricDialect], deployments: int, time_scale: float, matchers: str = "") -> HistoryQuery:
    """The query for a fleet of ``deployments``; ``matchers`` select the series of this cluster."""
    finest = deployments * PAST_SECONDS / FINEST_STEP_SECONDS
    step = FINEST_STEP_SECONDS * max(1, ceil(finest / MAX_POINTS))
    by_dialect = {
        dialect.name: f"round({DialectQueries(dialect, time_scale, matchers).render(_rate(dialect, step))}, 0.001)"
        for dialect in dialects
    }
    return HistoryQuery(union(by_dialect), step, time_scale)


def _rate(dialect: MetricDialect, step_seconds: float) -> Expression:
    """Requests per second of a step. What is in flight at its ends is little beside the requests of minutes."""
    for signal in (Signal.RECEIVED, Signal.FINISHED):
        if signal in dialect.metrics:
            return DividedBy(increase(signal, step_seconds), step_seconds)
    return DividedBy(arrivals(dialect, step_seconds), step_seconds)


def histories(series: Iterable[Series], query: HistoryQuery, model_offset_seconds: float) -> dict[NamespacedName, History]:
    """Histories by deployment. A time of Prometheus times the scale, plus the offset, is model time."""
    rates: defaultdict[NamespacedName, defaultdict[int, float]] = defaultdict(lambda: defaultdict(float))
    for labels, points in series:
        of_deployment = rates[NamespacedName(labels.get("namespace", ""), labels.get("modelmatrix_io_deployment", ""))]
        for second, rate in points:
            of_deployment[round(second / query.step_real_seconds)] += rate
    # Prometheus's grid begins at the start of the query, not at a multiple of the step: the last point shows the difference.
    last = max((points[-1][0] for _, points in series if points), default=0.0)
    shift = last - round(last / query.step_real_seconds) * query.step_real_seconds
    return {
        key: _history(by_step, query, model_offset_seconds + shift * query.time_scale)
        for key, by_step in rates.items()
        if by_step
    }


def _history(by_step: dict[int, float], query: HistoryQuery, offset_seconds: float) -> History:
    first, last = min(by_step), max(by_step)
    return History(
        first_second=first * query.step_seconds + offset_seconds,
        step_seconds=query.step_seconds,
        arrivals_per_second=tuple(by_step.get(step) for step in range(first, last + 1)),
    )
