"""What is asked of Prometheus in one look: one set of queries for the whole fleet, however many deployments there are. Pure.

Everything is summed over replicas in Prometheus. Only which replicas are measured is asked for each of them: a number of
replicas would count those that are about to go for those that are not seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from modelmatrix.catalogue.metrics import MetricDialect, MetricType, Signal
from modelmatrix.signals.promql import DEPLOYMENT, FRESH_SECONDS, OURS, POD, POOL, DialectQueries, union, window

SHORT_SECONDS = 60.0
LONG_SECONDS = 180.0
FAST_SECONDS = 30.0  # the last two scrapes at the usual pace
LENGTH_SECONDS = 600.0
OBSERVED_SECONDS = 120.0
WINDOWS = {"short": SHORT_SECONDS, "long": LONG_SECONDS, "fast": FAST_SECONDS}
# The past is looked at in so many steps: enough to tell a gap, few enough to be cheap.
COVERED_STEPS = 12
# An engine that counts no requests counts as many of them as its output tokens make.
REQUEST_TOKENS = 200.0
LATENCIES = (Signal.TTFT, Signal.TPOT, Signal.E2E)
SHOWN = (Signal.TTFT, Signal.TPOT)

PODS, MISSING, ENGINES, GATEWAY = "pods", "missing", "engines", "gateway"
# Without an answer to one of these nothing must be concluded; the others only teach or show.
NEEDED = frozenset({PODS, MISSING, "now", "arrivals", "lengths", *map(str, LATENCIES)})
# What changes slowly, or costs Prometheus much, is asked once a minute.
SELDOM = frozenset({MISSING, "lengths", "percentiles", ENGINES})
SELDOM_SECONDS = 60.0
# Signals that a page may lack: the engine is an old one, and nothing that is decided now rests on them.
DISPENSABLE = frozenset({Signal.CACHED_TOKENS, Signal.HIT_RATIO, Signal.STEP, Signal.INPUT_LENGTH, Signal.OUTPUT_LENGTH})


@dataclass(frozen=True, slots=True)
class QuerySet:
    """Expressions by name: everything that is asked in one look."""

    expressions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """What a fleet makes necessary to ask.

    ``bounds`` are the histogram bounds that count, in seconds, by dialect and signal; ``percentiles`` those of latencies
    that are shown; ``gateway`` is the expression of a gateway's requests per second.
    """

    dialects: tuple[MetricDialect, ...]
    bounds: Mapping[str, Mapping[Signal, Iterable[float]]]
    percentiles: tuple[int, ...] = ()
    gateway: str = ""


def query_set(asked: QueryRequest, time_scale: float) -> QuerySet:
    """The queries of one look, at ``time_scale`` model seconds in a real second."""
    speeches = [DialectQueries(dialect, time_scale) for dialect in asked.dialects]
    if not speeches:
        return QuerySet({})
    expressions = {
        PODS: _pods(speeches, time_scale),
        MISSING: _by_dialect(speeches, _missing),
        "now": _by_dialect(speeches, _now),
        "arrivals": _by_dialect(speeches, _arrivals),
        "lengths": _by_dialect(speeches, _lengths),
        **{str(signal): _buckets(speeches, signal, asked.bounds) for signal in LATENCIES},
        "percentiles": _by_dialect(speeches, lambda speech: _percentiles(speech, asked)),
        ENGINES: _by_dialect(speeches, _engines),
        GATEWAY: asked.gateway,
    }
    return QuerySet({name: text for name, text in expressions.items() if text})


def _by_dialect(speeches: Iterable[DialectQueries], make: Callable[[DialectQueries], Mapping[str, str]]) -> str:
    """Expressions of every dialect in one, each under the name ``dialect/signal``."""
    return union({f"{s.dialect.name}/{name}": text for s in speeches for name, text in make(s).items()})


def _pods(speeches: list[DialectQueries], time_scale: float) -> str:
    """By pod: the age of its newest sample, or else whether its page could be read; and what of the past is known."""
    seen = {
        f"{speech.dialect.name}/age": f"time() - max by ({POD}) ({speech.coalesce_names(Signal.WAITING, _timestamp)})"
        for speech in speeches
    }
    silent = " ".join(f"unless on (namespace, pod) ({speech.coalesce_names(Signal.WAITING, str)})" for speech in speeches)
    by_pod = {
        "up": f"max by ({POD}) (up{{{OURS}}}) {silent}",
        "samples": f"max by ({POD}) (scrape_samples_scraped{{{OURS}}}) {silent}",
        "covered": f"{_covered(time_scale)} < {COVERED_STEPS - 1}",
    }
    return union(seen | by_pod)


def _timestamp(series: str) -> str:
    return f"timestamp({series})"


def _covered(time_scale: float) -> str:
    """In how many steps of the long window a pod had been scraped well lately; 0 for those that were not in any."""
    length, step = window(LONG_SECONDS, time_scale), window(LONG_SECONDS / COVERED_STEPS, time_scale)
    lately = f"max_over_time(up{{{OURS}}}[{window(FRESH_SECONDS, time_scale)}]) == 1"
    return f"(max by ({POD}) (count_over_time(({lately})[{length}:{step}])) or 0 * max by ({POD}) (up{{{OURS}}}))"


def _missing(speech: DialectQueries) -> dict[str, str]:
    """Replicas that speak the dialect and lack one of its signals: none, while no engine renames anything."""
    found = {}
    for signal, names in speech.dialect.metrics.items():
        witness = _witness(signal, speech.dialect)
        if witness is not None:
            shows = speech.coalesce_names(witness, str, suffix=_suffix(witness))
            lacks = " ".join(f"unless on (namespace, pod) {name}{_suffix(signal)}{{{OURS}}}" for name in names)
            found[str(signal)] = f"count by ({DEPLOYMENT}) (group by ({POD}) ({shows}) {lacks})"
    return found


def _witness(signal: Signal, dialect: MetricDialect) -> Signal | None:
    """A signal without which a replica need not show another one, and with which it must; ``None`` where there is none."""
    if signal in DISPENSABLE or signal is Signal.WAITING:
        return None
    if signal not in dialect.when_used:
        return Signal.WAITING
    if signal in (Signal.TTFT, Signal.TPOT):
        return None  # a request need not have a second token, or any
    witness = Signal.E2E if signal is Signal.FINISHED else Signal.FINISHED
    return witness if witness in dialect.metrics else None


def _suffix(signal: Signal) -> str:
    """What the name of a signal ends in where it is one series a replica."""
    return "_count" if signal.instrument is MetricType.HISTOGRAM else ""


def _now(speech: DialectQueries) -> dict[str, str]:
    found = {str(signal): speech.current(signal) for signal in (Signal.RUNNING, Signal.WAITING) if speech.has_signals(signal)}
    if speech.has_signals(Signal.KV_USAGE):
        found[str(Signal.KV_USAGE)] = speech.current(Signal.KV_USAGE, how="avg")
    return found


def _arrivals(speech: DialectQueries) -> dict[str, str]:
    return {name: f"{arrivals_query(speech, seconds)} / {seconds:g}" for name, seconds in WINDOWS.items()}


def arrivals_query(speech: DialectQueries, seconds: float) -> str:
    """Requests that arrived: those that were received, or else those that finished and what is in flight more than before."""
    if speech.has_signals(Signal.RECEIVED):
        return speech.increase(Signal.RECEIVED, seconds)
    if not speech.has_signals(Signal.FINISHED):
        return f"{speech.increase(Signal.OUTPUT_TOKENS, seconds)} / {REQUEST_TOKENS:g}"
    in_flight = (speech.delta(signal, seconds) for signal in (Signal.RUNNING, Signal.WAITING))
    return f"clamp_min({' + '.join((speech.increase(Signal.FINISHED, seconds), *in_flight))}, 0)"


def _lengths(speech: DialectQueries) -> dict[str, str]:
    """Mean tokens of a request, and the share of prompt tokens from the prefix cache; nothing where none has finished."""
    lengths = {
        "input": _length(speech, Signal.INPUT_LENGTH, Signal.INPUT_TOKENS),
        "output": _length(speech, Signal.OUTPUT_LENGTH, Signal.OUTPUT_TOKENS),
        "hit": _hit_ratio(speech),
    }
    return {name: text for name, text in lengths.items() if text}


def _length(speech: DialectQueries, length: Signal, total: Signal) -> str:
    if speech.has_signals(length):
        return speech.mean(length, LENGTH_SECONDS)
    if not speech.has_signals(total):
        return ""
    requests = f"({arrivals_query(speech, LENGTH_SECONDS)} > 0)"
    if speech.has_signals(Signal.FINISHED):
        requests = f"({speech.increase(Signal.FINISHED, LENGTH_SECONDS)} > 0)"
    return f"{speech.increase(total, LENGTH_SECONDS)} / {requests}"


def _hit_ratio(speech: DialectQueries) -> str:
    if speech.has_signals(Signal.HIT_RATIO):
        return speech.current(Signal.HIT_RATIO, how="avg")
    if not speech.has_signals(Signal.CACHED_TOKENS, Signal.INPUT_TOKENS):
        return ""
    cached, total = (speech.increase(signal, LENGTH_SECONDS) for signal in (Signal.CACHED_TOKENS, Signal.INPUT_TOKENS))
    return f"{cached} / ({total} > 0)"


def _buckets(speeches: Iterable[DialectQueries], signal: Signal, bounds: Mapping[str, Mapping[Signal, Iterable[float]]]) -> str:
    """Growth of the buckets that count, and of the last, which holds all requests."""
    by_dialect = {}
    for speech in speeches:
        counted = bounds.get(speech.dialect.name, {}).get(signal)
        if counted and speech.has_signals(signal):
            les = "|".join([*sorted({pattern for bound in counted for pattern in _le_patterns(bound)}), r"\+Inf"])
            by_dialect[f"{speech.dialect.name}/{signal}"] = speech.increase(
                signal, OBSERVED_SECONDS, f"{DEPLOYMENT}, le", "_bucket", f",le=~`{les}`"
            )
    return union(by_dialect)


def _le_patterns(bound: float) -> tuple[str, str]:
    """How client libraries and Prometheus write a bound: ``1`` and ``1.0``."""
    return re.escape(f"{bound:g}"), re.escape(repr(float(bound)))


def _percentiles(speech: DialectQueries, asked: QueryRequest) -> dict[str, str]:
    """Percentiles of latencies over all replicas, in seconds."""
    bounds, found = asked.bounds.get(speech.dialect.name, {}), {}
    for signal in SHOWN:
        if bounds.get(signal) and speech.has_signals(signal):
            grown = speech.increase(signal, OBSERVED_SECONDS, f"{DEPLOYMENT}, le", "_bucket")
            for percentile in asked.percentiles:
                found[f"{signal}/{percentile}"] = f"histogram_quantile({percentile / 100:g}, {grown})"
    return found


def _engines(speech: DialectQueries) -> dict[str, str]:
    """By pool, the middle replica over the last minute: it teaches what an engine can do."""
    if not speech.has_signals(Signal.STEP, Signal.RUNNING, Signal.KV_USAGE, Signal.INPUT_TOKENS):
        return {}
    by_pod = f"{POOL}, pod"
    length = speech.window(SHORT_SECONDS)

    def lately(signal: Signal, how: str) -> str:
        return f"{how} by ({by_pod}) ({speech.each(signal, lambda series: f'avg_over_time({series}[{length}])')})"

    computed = speech.increase(Signal.INPUT_TOKENS, SHORT_SECONDS, by_pod)
    if speech.has_signals(Signal.CACHED_TOKENS):
        computed = f"({computed} - {speech.increase(Signal.CACHED_TOKENS, SHORT_SECONDS, by_pod)})"
    each = {
        "step": speech.mean(Signal.STEP, SHORT_SECONDS, by_pod),
        "running": lately(Signal.RUNNING, "sum"),
        "kv_usage": lately(Signal.KV_USAGE, "avg"),
        "computed": f"{computed} / {SHORT_SECONDS:g}",
    }
    return {name: f"quantile by ({POOL}) (0.5, {text})" for name, text in each.items()}
