"""PromQL for the whole fleet: few queries, each aggregated over replicas in Prometheus. Pure.

Windows are given in model time; the counters advance in model time too, so increases need no correction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from modelmatrix.catalogue.facts import Dialect

BY = "namespace, modelmatrix_io_deployment"
OURS = 'modelmatrix_io_deployment!=""'
SHORT_SECONDS = 60.0
LONG_SECONDS = 180.0
LENGTH_SECONDS = 600.0
OBSERVED_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class QuerySet:
    """Expressions by name: everything that is asked in one look."""

    expressions: Mapping[str, str]


def query_set(
    dialects: Iterable[Dialect], bounds: Mapping[str, Iterable[float]], percentile: int, *, time_scale: float
) -> QuerySet:
    """The queries of one look.

    Args:
        dialects: names of metrics.
        bounds: the histogram bounds that matter, by signal (``ttft``, ``tpot``, ``e2e``), in seconds.
        percentile: of the latencies that are shown.
        time_scale: model seconds in a real second.
    """
    names = _Names(list(dialects), time_scale)
    expressions = {"gauges": _gauges(names), "counters": _counters(names)}
    expressions |= {signal: names.buckets(signal, values) for signal, values in bounds.items() if values}
    expressions["percentiles"] = _any_of(
        {signal: names.percentile(signal, percentile) for signal in ("ttft", "tpot") if bounds.get(signal)}
    )
    return QuerySet({name: text for name, text in expressions.items() if text})


@dataclass(frozen=True, slots=True)
class _Names:
    dialects: list[Dialect]
    time_scale: float

    def of(self, signal: str, suffix: str = "") -> str:
        """A matcher of every name of a signal."""
        found = [f"{name}{suffix}" for dialect in self.dialects for name in dialect.metrics.get(signal, ())]
        return f'__name__=~"{"|".join(re.escape(name) for name in found)}",{OURS}'.replace("\\", "\\\\")

    def window(self, model_seconds: float) -> str:
        """A range of model time in Prometheus's time."""
        return f"{max(1, round(1000 * model_seconds / self.time_scale))}ms"

    def increase(self, signal: str, model_seconds: float) -> str:
        """Growth of a counter, over all replicas."""
        return f"sum by ({BY}) (increase({{{self.of(signal)}}}[{self.window(model_seconds)}]))"

    def change(self, signal: str, model_seconds: float) -> str:
        """Change of a gauge, over all replicas."""
        return f"sum by ({BY}) (delta({{{self.of(signal)}}}[{self.window(model_seconds)}]))"

    def buckets(self, signal: str, bounds: Iterable[float]) -> str:
        """Growth of the buckets that matter, over all replicas."""
        les = "|".join([*sorted({pattern for bound in bounds for pattern in _le_patterns(bound)}), r"\\+Inf"])
        window = self.window(OBSERVED_SECONDS)
        return f'sum by ({BY}, le) (increase({{{self.of(signal, "_bucket")},le=~"{les}"}}[{window}]))'

    def percentile(self, signal: str, percentile: int) -> str:
        """A percentile of a latency over all replicas, in seconds."""
        window = self.window(OBSERVED_SECONDS)
        rates = f"sum by ({BY}, le) (rate({{{self.of(signal, '_bucket')}}}[{window}]))"
        return f"histogram_quantile({percentile / 100:g}, {rates})"


def _gauges(names: _Names) -> str:
    return _any_of(
        {
            "targets": f"count by ({BY}) (up{{{OURS}}})",
            "up": f"sum by ({BY}) (up{{{OURS}}})",
            "measured": f"count by ({BY}) ({{{names.of('waiting')}}})",
            "oldest": f"min by ({BY}) (timestamp({{{names.of('waiting')}}}))",
            "running": f"sum by ({BY}) ({{{names.of('running')}}})",
            "waiting": f"sum by ({BY}) ({{{names.of('waiting')}}})",
            "kv_usage": f"avg by ({BY}) ({{{names.of('kv_usage')}}})",
        }
    )


def _counters(names: _Names) -> str:
    return _any_of(
        {
            "finished_short": names.increase("finished", SHORT_SECONDS),
            "finished_long": names.increase("finished", LONG_SECONDS),
            "running_short": names.change("running", SHORT_SECONDS),
            "running_long": names.change("running", LONG_SECONDS),
            "waiting_short": names.change("waiting", SHORT_SECONDS),
            "waiting_long": names.change("waiting", LONG_SECONDS),
            "finished_lengths": names.increase("finished", LENGTH_SECONDS),
            "input_tokens": names.increase("input_tokens", LENGTH_SECONDS),
            "output_tokens": names.increase("output_tokens", LENGTH_SECONDS),
        }
    )


def _any_of(expressions: Mapping[str, str]) -> str:
    """Several expressions in one query, told apart by the label ``signal``."""
    return " or ".join(f'label_replace({text}, "signal", "{name}", "", "")' for name, text in expressions.items())


def _le_patterns(bound: float) -> tuple[str, ...]:
    """How client libraries and Prometheus write a bound: ``1`` and ``1.0``."""
    texts = {f"{bound:g}", repr(float(bound))}
    return tuple(re.escape(text).replace("\\", "\\\\") for text in texts)
