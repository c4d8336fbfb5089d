"""What a fleet query computes, as data: one definition that two readers share. Pure.

The leaf is a ``SeriesFold``: take the series of one signal, apply a range function to each of them (the growth of a counter
over the last minute, say), and add the results up by a few labels. The other nodes are arithmetic on such results, group by
group. A group without an element on one side has none in the result, as in Prometheus.

``signals.promql`` renders an expression as PromQL text, which the operator sends to Prometheus. The simulator computes the
same expression from the samples that it scraped (``simulation.metrics.prometheus``). So a window, a signal or a grouping is
written down once, in ``signals.fleet_queries``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from modelmatrix.catalogue.metrics import Signal


class RangeFunction(StrEnum):
    """What is computed from the samples of one series; the values are PromQL's names.

    ``NEWEST`` is the last sample, if it is fresh.
    """

    NEWEST = "newest"
    INCREASE = "increase"
    DELTA = "delta"
    MEAN = "avg_over_time"


class Grouping(StrEnum):
    """Labels by which series are added up; the values are PromQL label lists."""

    DEPLOYMENT = "namespace, modelmatrix_io_deployment"
    POOL = "namespace, modelmatrix_io_deployment, modelmatrix_io_pool"
    REPLICA = "namespace, modelmatrix_io_deployment, modelmatrix_io_pool, pod"
    BUCKET = "namespace, modelmatrix_io_deployment, le"


class SeriesPart(StrEnum):
    """What the name of a series ends in: histograms have several series each."""

    PLAIN = ""
    SUM = "_sum"
    COUNT = "_count"
    BUCKET = "_bucket"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesFold:
    """A range function of each series of a signal, added up (or averaged, if ``is_mean``) over the replicas of a group.

    ``bounds`` are upper bounds of histogram buckets in seconds, which select buckets together with the last one (``+Inf``).
    """

    signal: Signal
    function: RangeFunction
    window_seconds: float = 0.0
    part: SeriesPart = SeriesPart.PLAIN
    by: Grouping = Grouping.DEPLOYMENT
    is_mean: bool = False
    bounds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Total:
    """The sum of several expressions, not below zero."""

    terms: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One expression less another."""

    minuend: Expression
    subtrahend: Expression


@dataclass(frozen=True, slots=True)
class Quotient:
    """One expression over another; no element where the divisor is not above zero."""

    dividend: Expression
    divisor: Expression


@dataclass(frozen=True, slots=True)
class DividedBy:
    """An expression over a number."""

    dividend: Expression
    divisor: float


@dataclass(frozen=True, slots=True)
class PoolMedian:
    """The median over the replicas of each pool."""

    values: Expression


Expression = SeriesFold | Total | Difference | Quotient | DividedBy | PoolMedian


def newest(signal: Signal, *, is_mean: bool = False) -> SeriesFold:
    """A gauge now."""
    return SeriesFold(signal=signal, function=RangeFunction.NEWEST, is_mean=is_mean)


def increase(
    signal: Signal,
    window_seconds: float,
    by: Grouping = Grouping.DEPLOYMENT,
    part: SeriesPart = SeriesPart.PLAIN,
    bounds: tuple[float, ...] = (),
) -> SeriesFold:
    """Growth of a counter over a window of model time."""
    return SeriesFold(
        signal=signal, function=RangeFunction.INCREASE, window_seconds=window_seconds, part=part, by=by, bounds=bounds
    )


def delta(signal: Signal, window_seconds: float) -> SeriesFold:
    """Change of a gauge over a window of model time."""
    return SeriesFold(signal=signal, function=RangeFunction.DELTA, window_seconds=window_seconds)


def observed_mean(signal: Signal, window_seconds: float, by: Grouping = Grouping.DEPLOYMENT) -> Quotient:
    """Mean of what a histogram observed in a window; no element where it observed nothing."""
    total, count = (increase(signal, window_seconds, by, part) for part in (SeriesPart.SUM, SeriesPart.COUNT))
    return Quotient(total, count)
