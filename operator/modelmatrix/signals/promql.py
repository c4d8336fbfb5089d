"""PromQL about the series of one dialect: each replica is counted once, whichever of a signal's names it has. Pure.

Windows are given in model time; counters advance in model time too, so their growth needs no correction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from modelmatrix.catalogue.metrics import MetricDialect, MetricType, Signal

DEPLOYMENT = "namespace, modelmatrix_io_deployment"
POOL = f"{DEPLOYMENT}, modelmatrix_io_pool"
POD = f"{DEPLOYMENT}, pod"
OURS = 'modelmatrix_io_deployment!=""'
# A pod that two monitors find, or that two Prometheus servers scrape, has all of its series twice: apart in these alone.
TARGET_LABELS = ("job", "instance", "endpoint", "container", "service", "prometheus", "prometheus_replica")
# Longer than three usual scrapes: an older sample says nothing about now.
FRESH_SECONDS = 60.0

Apply = Callable[[str], str]


def window(model_seconds: float, time_scale: float) -> str:
    """A stretch of model time in Prometheus's time."""
    return f"{max(1, round(1000 * model_seconds / time_scale))}ms"


def deduplicate_targets(vector: str, copies: Iterable[str] = ()) -> str:
    """A vector without the copies of its series."""
    return f"max without ({', '.join((*TARGET_LABELS, *copies))}) ({vector})"


def union(expressions: Mapping[str, str]) -> str:
    """Several expressions in one, told apart by the label ``signal``."""
    return " or ".join(f'label_replace({text}, "signal", "{name}", "", "")' for name, text in expressions.items())


@dataclass(frozen=True, slots=True)
class DialectQueries:
    """Expressions in one dialect. A signal that the dialect does not have must not be asked for."""

    dialect: MetricDialect
    time_scale: float

    def has_signals(self, *signals: Signal) -> bool:
        """Whether the dialect has all of them."""
        return all(signal in self.dialect.metrics for signal in signals)

    def window(self, model_seconds: float) -> str:
        """A stretch of model time in Prometheus's time."""
        return window(model_seconds, self.time_scale)

    def coalesce_names(self, signal: Signal, apply: Apply, *, suffix: str = "", matchers: str = "") -> str:
        """``apply`` on the series of a signal: of each pod those of the newest name that it has."""
        names = self.dialect.metrics[signal]
        return " or on (namespace, pod) ".join(apply(f"{name}{suffix}{{{OURS}{matchers}}}") for name in names)

    def each(self, signal: Signal, apply: Apply, *, suffix: str = "", matchers: str = "") -> str:
        """The same, each series once."""
        return deduplicate_targets(self.coalesce_names(signal, apply, suffix=suffix, matchers=matchers), self.dialect.copies)

    def fresh(self, signal: Signal) -> str:
        """The newest values of a gauge, but for those that are too old: pods that are gone linger for minutes."""
        oldest = f"time() - {FRESH_SECONDS / self.time_scale:g}"
        return self.each(signal, lambda series: f"({series} and timestamp({series}) > {oldest})")

    def current(self, signal: Signal, by: str = DEPLOYMENT, how: str = "sum") -> str:
        """A gauge over all replicas."""
        return f"{how} by ({by}) ({self.fresh(signal)})"

    def delta(self, signal: Signal, model_seconds: float) -> str:
        """Change of a gauge over all replicas."""
        length = self.window(model_seconds)
        return f"sum by ({DEPLOYMENT}) ({self.each(signal, lambda series: f'delta({series}[{length}])')})"

    def increase(self, signal: Signal, model_seconds: float, by: str = DEPLOYMENT, suffix: str = "", matchers: str = "") -> str:
        """Growth of a counter over all replicas; where the dialect says so, no series yet is no growth."""
        length = self.window(model_seconds)
        grown = self.each(signal, lambda series: f"increase({series}[{length}])", suffix=suffix, matchers=matchers)
        total = f"sum by ({by}) ({grown})"
        is_late = signal.instrument is MetricType.COUNTER and signal in self.dialect.when_used
        return f"({total} or 0 * {self.current(Signal.WAITING, by)})" if is_late else total

    def mean(self, signal: Signal, model_seconds: float, by: str = DEPLOYMENT) -> str:
        """Mean of what a histogram observed; nothing where it observed nothing."""
        total, count = (self.increase(signal, model_seconds, by, suffix) for suffix in ("_sum", "_count"))
        return f"{total} / ({count} > 0)"
