"""What one poll asks of Prometheus: one set of queries for the whole fleet, however many deployments there are. Pure.

A query is a union of named expressions, one for each dialect and figure: ``vllm/short`` is the arrival rate of the last
minute in vLLM's dialect. ``value_queries`` gives the expressions as data and ``query_set`` gives them as PromQL; the
simulator computes the same data from its own samples.

Everything is summed over replicas in Prometheus. Two queries are about single replicas: ``pods`` shows which of them are
scraped, and how well, and ``missing`` counts those that lack a signal. A count of pods would not do: pods that are about to
go would stand in for replicas that are not scraped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from modelmatrix.catalogue.metrics import MetricDialect, Signal
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
    delta,
    increase,
    newest,
    observed_mean,
)
from modelmatrix.signals.promql import FRESH_SECONDS, POD, DialectQueries, selector, single_series_part, union, window

SHORT_SECONDS = 60.0
LONG_SECONDS = 180.0
FAST_SECONDS = 30.0  # the last two scrapes at the usual pace
LENGTH_SECONDS = 600.0
OBSERVED_SECONDS = 120.0
WINDOWS = {"short": SHORT_SECONDS, "long": LONG_SECONDS, "fast": FAST_SECONDS}
# The scrapes of the long window are checked in this many steps: enough to find a gap, few enough to be cheap.
COVERED_STEPS = 12
# An engine that counts no requests counts one for this many output tokens.
REQUEST_TOKENS = 200.0
LATENCIES = (Signal.TTFT, Signal.TPOT, Signal.E2E)
SHOWN = (Signal.TTFT, Signal.TPOT)

PODS, MISSING, NOW, ARRIVALS, LENGTHS = "pods", "missing", "now", "arrivals", "lengths"
PERCENTILES, ENGINES, GATEWAY = "percentiles", "engines", "gateway"
COPIES = "copies"  # how often one page is scraped, where that is more than once
# Without an answer to one of these the operator concludes nothing; the others only refine or show.
NEEDED = frozenset({PODS, MISSING, NOW, ARRIVALS, LENGTHS, *map(str, LATENCIES)})
# Queries whose answers change slowly, or that cost Prometheus much, run once a minute.
SELDOM = frozenset({MISSING, LENGTHS, PERCENTILES, ENGINES})
SELDOM_SECONDS = 60.0
# Signals that a page may lack: the engine is an old one, and no decision of the moment rests on them.
DISPENSABLE = frozenset({Signal.CACHED_TOKENS, Signal.HIT_RATIO, Signal.STEP, Signal.INPUT_LENGTH, Signal.OUTPUT_LENGTH})


@dataclass(frozen=True, slots=True)
class QuerySet:
    """PromQL by the name of the query: all queries of one poll."""

    expressions: Mapping[str, str]


class NamedExpression(NamedTuple):
    """One figure of a query in one dialect."""

    dialect: MetricDialect
    name: str
    expression: Expression

    @property
    def label(self) -> str:
        """The value of the label ``signal`` that its elements carry."""
        return f"{self.dialect.name}/{self.name}"


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """What the deployments of a fleet need from one poll.

    ``bounds`` are the histogram bounds that count, in seconds, by dialect and signal; ``percentiles`` are those of latencies
    that are shown; ``gateway`` is the PromQL of a gateway's requests per second. ``matchers`` select this cluster's series.
    """

    dialects: tuple[MetricDialect, ...]
    bounds: Mapping[str, Mapping[Signal, Iterable[float]]]
    percentiles: tuple[int, ...] = ()
    gateway: str = ""
    matchers: str = ""


def query_set(request: QueryRequest, time_scale: float) -> QuerySet:
    """The queries of one poll, at ``time_scale`` model seconds in a real second."""
    dialects = {dialect.name: DialectQueries(dialect, time_scale, request.matchers) for dialect in request.dialects}
    if not dialects:
        return QuerySet({})
    values = {
        query: union({item.label: dialects[item.dialect.name].render(item.expression) for item in items})
        for query, items in value_queries(request).items()
    }
    texts = {
        PODS: _pods(dialects.values(), selector(request.matchers), time_scale),
        MISSING: _by_dialect(dialects.values(), _missing),
        **values,
        PERCENTILES: _by_dialect(dialects.values(), lambda dialect: _percentiles(dialect, request)),
        GATEWAY: request.gateway,
    }
    return QuerySet({name: text for name, text in texts.items() if text})


def value_queries(request: QueryRequest) -> dict[str, tuple[NamedExpression, ...]]:
    """The expressions of one poll by query: sums and means over replicas, which decisions rest on."""
    queries = {
        NOW: _named(request, _now),
        ARRIVALS: _named(request, _arrivals),
        LENGTHS: _named(request, _lengths),
        **{str(signal): tuple(_buckets(request, signal)) for signal in LATENCIES},
        ENGINES: _named(request, _engines),
    }
    return {name: expressions for name, expressions in queries.items() if expressions}


def _named(request: QueryRequest, make: Callable[[MetricDialect], Mapping[str, Expression]]) -> tuple[NamedExpression, ...]:
    return tuple(
        NamedExpression(dialect, name, expression) for dialect in request.dialects for name, expression in make(dialect).items()
    )


def _by_dialect(dialects: Iterable[DialectQueries], make: Callable[[DialectQueries], Mapping[str, str]]) -> str:
    """Texts of every dialect in one, each under the name ``dialect/name``."""
    return union({f"{one.dialect.name}/{name}": text for one in dialects for name, text in make(one).items()})


def _pods(dialects: Iterable[DialectQueries], ours: str, time_scale: float) -> str:
    """By pod: the age of its newest sample, or whether its page could be read; how well the past is covered; copies."""
    ages = {
        f"{one.dialect.name}/age": f"time() - max by ({POD}) ({one.coalesce_names(Signal.WAITING, _timestamp)})"
        for one in dialects
    }
    silent = " ".join(f"unless on (namespace, pod) ({one.coalesce_names(Signal.WAITING, str)})" for one in dialects)
    by_pod = {
        "up": f"max by ({POD}) (up{{{ours}}}) {silent}",
        "samples": f"max by ({POD}) (scrape_samples_scraped{{{ours}}}) {silent}",
        "covered": f"{_covered(ours, time_scale)} < {COVERED_STEPS - 1}",
        COPIES: f"max by ({POD}) (count by ({POD}, instance) (up{{{ours}}})) > 1",
    }
    return union(ages | by_pod)


def _timestamp(series: str) -> str:
    return f"timestamp({series})"


def _covered(ours: str, time_scale: float) -> str:
    """In how many steps of the long window a pod had a good scrape shortly before; 0 for pods that had one in no step."""
    length, step = window(LONG_SECONDS, time_scale), window(LONG_SECONDS / COVERED_STEPS, time_scale)
    lately = f"max_over_time(up{{{ours}}}[{window(FRESH_SECONDS, time_scale)}]) == 1"
    return f"(max by ({POD}) (count_over_time(({lately})[{length}:{step}])) or 0 * max by ({POD}) (up{{{ours}}}))"


def _missing(dialect: DialectQueries) -> dict[str, str]:
    """Number of replicas that speak the dialect and lack one of its signals: an engine has renamed a metric."""
    texts, ours = {}, selector(dialect.matchers)
    for signal, names in dialect.dialect.metrics.items():
        companion = _companion_signal(signal, dialect.dialect)
        if companion is not None:
            shows = dialect.coalesce_names(companion, str, suffix=single_series_part(companion))
            lacks = " ".join(f"unless on (namespace, pod) {name}{single_series_part(signal)}{{{ours}}}" for name in names)
            texts[str(signal)] = f"count by ({Grouping.DEPLOYMENT}) (group by ({POD}) ({shows}) {lacks})"
    return texts


def _companion_signal(signal: Signal, dialect: MetricDialect) -> Signal | None:
    """Another signal: a replica that shows it must show this one too. ``None`` where there is no such signal."""
    if signal in DISPENSABLE or signal is Signal.WAITING:
        return None
    if signal not in dialect.when_used:
        return Signal.WAITING
    if signal in (Signal.TTFT, Signal.TPOT):
        return None  # a request need not have a second token, or any
    companion = Signal.E2E if signal is Signal.FINISHED else Signal.FINISHED
    return companion if companion in dialect.metrics else None


def _has(dialect: MetricDialect, *signals: Signal) -> bool:
    return all(signal in dialect.metrics for signal in signals)


def _now(dialect: MetricDialect) -> dict[str, Expression]:
    expressions: dict[str, Expression] = {
        str(signal): newest(signal) for signal in (Signal.RUNNING, Signal.WAITING) if _has(dialect, signal)
    }
    if _has(dialect, Signal.KV_USAGE):
        expressions[str(Signal.KV_USAGE)] = newest(Signal.KV_USAGE, is_mean=True)
    return expressions


def _arrivals(dialect: MetricDialect) -> dict[str, Expression]:
    return {name: DividedBy(arrivals(dialect, seconds), seconds) for name, seconds in WINDOWS.items()}


def arrivals(dialect: MetricDialect, seconds: float) -> Expression:
    """Requests that arrived in a window.

    Engines that count received requests give the number. For the others it is the number of finished requests plus the
    change of what is in flight, and for engines that count no requests it is derived from output tokens.
    """
    if _has(dialect, Signal.RECEIVED):
        return increase(Signal.RECEIVED, seconds)
    if not _has(dialect, Signal.FINISHED):
        return DividedBy(increase(Signal.OUTPUT_TOKENS, seconds), REQUEST_TOKENS)
    in_flight = (delta(signal, seconds) for signal in (Signal.RUNNING, Signal.WAITING))
    return Total((increase(Signal.FINISHED, seconds), *in_flight))


def _lengths(dialect: MetricDialect) -> dict[str, Expression]:
    """Mean tokens of a request, and the share of prompt tokens from the prefix cache; no element where none has finished."""
    expressions = {
        "input": _length(dialect, Signal.INPUT_LENGTH, Signal.INPUT_TOKENS),
        "output": _length(dialect, Signal.OUTPUT_LENGTH, Signal.OUTPUT_TOKENS),
        "hit": _hit_ratio(dialect),
    }
    return {name: expression for name, expression in expressions.items() if expression is not None}


def _length(dialect: MetricDialect, length: Signal, total: Signal) -> Expression | None:
    if _has(dialect, length):
        return observed_mean(length, LENGTH_SECONDS)
    if not _has(dialect, total):
        return None
    is_counted = _has(dialect, Signal.FINISHED)
    requests = increase(Signal.FINISHED, LENGTH_SECONDS) if is_counted else arrivals(dialect, LENGTH_SECONDS)
    return Quotient(increase(total, LENGTH_SECONDS), requests)


def _hit_ratio(dialect: MetricDialect) -> Expression | None:
    if _has(dialect, Signal.HIT_RATIO):
        return newest(Signal.HIT_RATIO, is_mean=True)
    if not _has(dialect, Signal.CACHED_TOKENS, Signal.INPUT_TOKENS):
        return None
    cached, total = (increase(signal, LENGTH_SECONDS) for signal in (Signal.CACHED_TOKENS, Signal.INPUT_TOKENS))
    return Quotient(cached, total)


def _buckets(request: QueryRequest, signal: Signal) -> Iterator[NamedExpression]:
    """Growth of the buckets that count, and of the last, which holds all requests."""
    for dialect in request.dialects:
        bounds = tuple(request.bounds.get(dialect.name, {}).get(signal, ()))
        if bounds and _has(dialect, signal):
            grown = increase(signal, OBSERVED_SECONDS, Grouping.BUCKET, SeriesPart.BUCKET, bounds)
            yield NamedExpression(dialect, str(signal), grown)


def _percentiles(dialect: DialectQueries, request: QueryRequest) -> dict[str, str]:
    """Percentiles of latencies over all replicas, in seconds."""
    bounds, texts = request.bounds.get(dialect.dialect.name, {}), {}
    for signal in SHOWN:
        if bounds.get(signal) and dialect.has_signals(signal):
            grown = dialect.render(increase(signal, OBSERVED_SECONDS, Grouping.BUCKET, SeriesPart.BUCKET))
            for percentile in request.percentiles:
                texts[f"{signal}/{percentile}"] = f"histogram_quantile({percentile / 100:g}, {grown})"
    return texts


def _engines(dialect: MetricDialect) -> dict[str, Expression]:
    """By pool, the median replica over the last minute: the policy learns from it what an engine can do."""
    if not _has(dialect, Signal.STEP, Signal.RUNNING, Signal.KV_USAGE, Signal.INPUT_TOKENS):
        return {}
    computed: Expression = increase(Signal.INPUT_TOKENS, SHORT_SECONDS, Grouping.REPLICA)
    if _has(dialect, Signal.CACHED_TOKENS):
        computed = Difference(computed, increase(Signal.CACHED_TOKENS, SHORT_SECONDS, Grouping.REPLICA))
    by_replica: dict[str, Expression] = {
        "step": observed_mean(Signal.STEP, SHORT_SECONDS, Grouping.REPLICA),
        "running": _lately(Signal.RUNNING, is_mean=False),
        "kv_usage": _lately(Signal.KV_USAGE, is_mean=True),
        "computed": DividedBy(computed, SHORT_SECONDS),
    }
    return {name: PoolMedian(expression) for name, expression in by_replica.items()}


def _lately(signal: Signal, *, is_mean: bool) -> SeriesFold:
    """A gauge of each replica, averaged over the last minute."""
    return SeriesFold(
        signal=signal,
        function=RangeFunction.MEAN,
        window_seconds=SHORT_SECONDS,
        by=Grouping.REPLICA,
        is_mean=is_mean,
    )
