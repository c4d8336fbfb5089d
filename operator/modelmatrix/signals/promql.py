"""PromQL text for expressions about the series of one dialect. Pure.

Each replica is counted once. An image may show an old name of a signal, or both names: of each pod the series of the newest
name are taken (``a or on (namespace, pod) b``). A pod that two monitors or two Prometheus servers scrape has every series
twice, apart in labels that a Prometheus setup adds and that cannot be listed. So ``max by`` keeps what names a replica and the
labels by which the engine itself splits a signal, and one copy of each counts.

Windows are given in model time and rendered in Prometheus's time. Counters advance in model time too, so their growth needs
no correction. A gauge counts only while it is fresh: Prometheus shows the last samples of a pod that is gone for minutes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from modelmatrix.catalogue.metrics import MetricDialect, MetricType, Signal
from modelmatrix.signals.expressions import (
    Difference,
    DividedBy,
    Expression,
    Grouping,
    PoolMedian,
    Quotient,
    RangeFunction,
    SeriesFold,
    SeriesPart,
    Total,
)

POD = f"{Grouping.DEPLOYMENT}, pod"
OURS = 'modelmatrix_io_deployment!=""'
# What names a series of a replica, besides the engine's own labels: no label of a target, of a monitor or of a server.
REPLICA_LABELS = (Grouping.REPLICA, "le")
# Longer than three usual scrapes: an older sample says nothing about now.
FRESH_SECONDS = 60.0

Apply = Callable[[str], str]


def window(model_seconds: float, time_scale: float) -> str:
    """A duration of model time as a PromQL duration, in Prometheus's time."""
    return f"{max(1, round(1000 * model_seconds / time_scale))}ms"


def selector(matchers: str = "") -> str:
    """The matchers of every selector: the label of our pods, and those of the cluster where several share a Prometheus."""
    return f"{OURS},{matchers}" if matchers else OURS


def count_once(vector: str, engine_labels: Iterable[str]) -> str:
    """A vector with one of each of its series, however many copies of it there are."""
    return f"max by ({', '.join((*REPLICA_LABELS, *engine_labels))}) ({vector})"


def union(expressions: Mapping[str, str]) -> str:
    """Several expressions in one, told apart by the label ``signal``."""
    return " or ".join(f'label_replace({text}, "signal", "{name}", "", "")' for name, text in expressions.items())


@dataclass(frozen=True, slots=True)
class DialectQueries:
    """Expressions in one dialect. An expression must use only signals that the dialect has.

    ``matchers`` select the series of this cluster, e.g. ``cluster="bank-a"``; empty where there is only one.
    """

    dialect: MetricDialect
    time_scale: float
    matchers: str = ""

    def has_signals(self, *signals: Signal) -> bool:
        """Whether the dialect has all of them."""
        return all(signal in self.dialect.metrics for signal in signals)

    def render(self, expression: Expression) -> str:
        """PromQL text that computes an expression."""
        match expression:
            case SeriesFold():
                return self._fold(expression)
            case Total(terms):
                return f"clamp_min({' + '.join(map(self.render, terms))}, 0)"
            case Difference(minuend, subtrahend):
                return f"({self.render(minuend)} - {self.render(subtrahend)})"
            case Quotient(dividend, divisor):
                return f"{self.render(dividend)} / ({self.render(divisor)} > 0)"
            case DividedBy(dividend, number):
                return f"{self.render(dividend)} / {number:g}"
            case PoolMedian(values):
                return f"quantile by ({Grouping.POOL}) (0.5, {self.render(values)})"

    def coalesce_names(self, signal: Signal, apply: Apply, *, suffix: str = "", matchers: str = "") -> str:
        """``apply`` on the series of a signal: of each pod those of the newest name that it shows."""
        names, ours = self.dialect.metrics[signal], selector(self.matchers)
        return " or on (namespace, pod) ".join(apply(f"{name}{suffix}{{{ours}{matchers}}}") for name in names)

    def _fold(self, fold: SeriesFold) -> str:
        apply = self._fresh if fold.function is RangeFunction.NEWEST else self._over_window(fold)
        matchers = f",le=~`{_le_pattern(fold.bounds)}`" if fold.bounds else ""
        series = self.coalesce_names(fold.signal, apply, suffix=fold.part, matchers=matchers)
        each = count_once(series, self.dialect.labels)
        total = f"{'avg' if fold.is_mean else 'sum'} by ({fold.by}) ({each})"
        return f"({total} or 0 * {self._waiting(fold.by)})" if self._appears_late(fold) else total

    def _fresh(self, series: str) -> str:
        return f"({series} and timestamp({series}) > time() - {FRESH_SECONDS / self.time_scale:g})"

    def _over_window(self, fold: SeriesFold) -> Apply:
        length = window(fold.window_seconds, self.time_scale)
        return lambda series: f"{fold.function}({series}[{length}])"

    def _appears_late(self, fold: SeriesFold) -> bool:
        """Whether a counter has no series before the first request: its absence is zero growth."""
        is_counter = fold.signal.instrument is MetricType.COUNTER and fold.function is RangeFunction.INCREASE
        return is_counter and fold.signal in self.dialect.when_used

    def _waiting(self, by: Grouping) -> str:
        return self._fold(SeriesFold(signal=Signal.WAITING, function=RangeFunction.NEWEST, by=by))


def _le_pattern(bounds: Iterable[float]) -> str:
    """Matches these bounds, as client libraries and as Prometheus write them (``1`` and ``1.0``), and the last bucket."""
    spellings = {re.escape(text) for bound in bounds for text in (f"{bound:g}", repr(float(bound)))}
    return "|".join([*sorted(spellings), r"\+Inf"])


def single_series_part(signal: Signal) -> SeriesPart:
    """The part of a signal that is one series a replica."""
    return SeriesPart.COUNT if signal.instrument is MetricType.HISTOGRAM else SeriesPart.PLAIN
