"""Computes the expressions of fleet queries from the series of simulated targets, instead of rendering them as PromQL.

An expression is compiled once to a function from all targets to one number a group. A group is named by the values of the
labels that Prometheus would group by, those that are the same for the whole deployment left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from math import inf
from statistics import median
from typing import NamedTuple

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
from modelmatrix.signals.promql import FRESH_SECONDS
from modelmatrix.simulation.metrics.target_series import SeriesName, TargetSeries

Group = tuple[str, ...]
Groups = dict[Group, float]
Evaluate = Callable[[Sequence[TargetSeries], float], Groups]


class Columns:
    """The series that expressions need, in the order in which targets keep them."""

    def __init__(self) -> None:
        self.names: dict[SeriesName, int] = {}

    def index(self, name: SeriesName) -> int:
        """The place of a series; it is added if need be."""
        return self.names.setdefault(name, len(self.names))


class _FoldedSeries(NamedTuple):
    le: str
    column: int


def compiled(expression: Expression, columns: Columns) -> Evaluate:
    """A function that computes an expression at a second from targets whose windows end there."""
    match expression:
        case SeriesFold():
            return _fold(expression, columns)
        case Total(terms):
            return _total([compiled(term, columns) for term in terms])
        case Difference(minuend, subtrahend):
            return _pairwise(compiled(minuend, columns), compiled(subtrahend, columns), lambda a, b: a - b)
        case Quotient(dividend, divisor):
            return _pairwise(compiled(dividend, columns), _positive(compiled(divisor, columns)), lambda a, b: a / b)
        case DividedBy(dividend, number):
            return _divided(compiled(dividend, columns), number)
        case PoolMedian(values):
            return _pool_median(compiled(values, columns))


def _fold(fold: SeriesFold, columns: Columns) -> Evaluate:
    series = [_FoldedSeries(le, columns.index(name)) for le, name in _series(fold)]
    value_of, group_of = _value_of(fold), _GROUP_OF[fold.by]

    def evaluate(targets: Sequence[TargetSeries], second: float) -> Groups:
        totals: Groups = {}
        numbers: defaultdict[Group, int] = defaultdict(int)
        for target in targets:
            for le, column in series:
                value = value_of(target, column, second)
                if value is not None:
                    group = group_of(target, le)
                    totals[group] = totals.get(group, 0.0) + value
                    numbers[group] += 1
        return {group: total / numbers[group] for group, total in totals.items()} if fold.is_mean else totals

    return evaluate


def _series(fold: SeriesFold) -> Iterable[tuple[str, SeriesName]]:
    if fold.part is not SeriesPart.BUCKET:
        return [("", SeriesName(fold.signal, fold.part))]
    bounds = {repr(float(bound)): float(bound) for bound in fold.bounds} | {"+Inf": inf}
    return [(le, SeriesName(fold.signal, fold.part, bound)) for le, bound in bounds.items()]


def _value_of(fold: SeriesFold) -> Callable[[TargetSeries, int, float], float | None]:
    seconds = fold.window_seconds
    match fold.function:
        case RangeFunction.NEWEST:
            return _fresh
        case RangeFunction.INCREASE:
            return lambda target, column, _: target.increase(column, seconds)
        case RangeFunction.DELTA:
            return lambda target, column, _: target.delta(column, seconds)
        case RangeFunction.MEAN:
            return lambda target, column, _: target.mean(column, seconds)


def is_shown(target: TargetSeries) -> bool:
    """Whether an instant query finds the target's series: they end with a scrape that fails, and with the target."""
    return not (target.is_failing or target.is_ended)


def _fresh(target: TargetSeries, column: int, second: float) -> float | None:
    return target.newest(column) if is_shown(target) and second - target.last_second < FRESH_SECONDS else None


_GROUP_OF: dict[Grouping, Callable[[TargetSeries, str], Group]] = {
    Grouping.DEPLOYMENT: lambda _target, _le: (),
    Grouping.BUCKET: lambda _target, le: (le,),
    Grouping.POOL: lambda target, _le: (target.pool,),
    Grouping.REPLICA: lambda target, _le: (target.pool, target.pod),
}


def _total(terms: Sequence[Evaluate]) -> Evaluate:
    first, *others = terms

    def evaluate(targets: Sequence[TargetSeries], second: float) -> Groups:
        totals = first(targets, second)
        for term in others:
            values = term(targets, second)
            totals = {group: total + values[group] for group, total in totals.items() if group in values}
        # In this order a total that is not a number stays one, as in Prometheus.
        return {group: max(total, 0.0) for group, total in totals.items()}

    return evaluate


def _pairwise(left: Evaluate, right: Evaluate, combine: Callable[[float, float], float]) -> Evaluate:
    def evaluate(targets: Sequence[TargetSeries], second: float) -> Groups:
        values = right(targets, second)
        return {group: combine(value, values[group]) for group, value in left(targets, second).items() if group in values}

    return evaluate


def _positive(inner: Evaluate) -> Evaluate:
    return lambda targets, second: {group: value for group, value in inner(targets, second).items() if value > 0.0}


def _divided(inner: Evaluate, number: float) -> Evaluate:
    return lambda targets, second: {group: value / number for group, value in inner(targets, second).items()}


def _pool_median(inner: Evaluate) -> Evaluate:
    def evaluate(targets: Sequence[TargetSeries], second: float) -> Groups:
        by_pool: defaultdict[Group, list[float]] = defaultdict(list)
        for (pool, *_), value in inner(targets, second).items():
            by_pool[pool,].append(value)
        return {pool: median(values) for pool, values in by_pool.items()}

    return evaluate
