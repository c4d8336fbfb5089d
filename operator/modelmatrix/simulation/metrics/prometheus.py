"""A Prometheus that answers the operator's queries about one simulated deployment.

It takes the samples that were scraped, keeps them as columns, and returns the vectors that a real Prometheus would return for
the query set of ``signals.fleet_queries``: the same expressions, computed instead of rendered. Queries that the operator
asks once a minute are answered anew once a minute. Simulated engines show every metric of their dialect, so no replica
lacks one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from math import floor, isfinite
from typing import TYPE_CHECKING, NamedTuple

from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.signals.expressions import Expression, Grouping, PoolMedian, SeriesFold
from modelmatrix.signals.fleet_queries import (
    COVERED_STEPS,
    LENGTH_SECONDS,
    LONG_SECONDS,
    MISSING,
    PODS,
    SELDOM,
    SELDOM_SECONDS,
    QueryRequest,
    value_queries,
)
from modelmatrix.signals.promql import FRESH_SECONDS
from modelmatrix.signals.vectors import Sample, Vector
from modelmatrix.simulation.metrics.expression_evaluator import Columns, Evaluate, Group, compiled, is_shown
from modelmatrix.simulation.metrics.target_series import TargetSeries, reader

if TYPE_CHECKING:
    from modelmatrix.simulation.cluster.policy import Observation

DEPLOYMENT = NamespacedName("simulation", "deployment")
_LABELS = {"namespace": DEPLOYMENT.namespace, "modelmatrix_io_deployment": DEPLOYMENT.name}
# Labels of a group's name, beside those of the deployment.
_GROUP_LABELS = {
    Grouping.DEPLOYMENT: (),
    Grouping.BUCKET: ("le",),
    Grouping.POOL: ("modelmatrix_io_pool",),
    Grouping.REPLICA: ("modelmatrix_io_pool", "pod"),
}
_COVERED_STEP_SECONDS = LONG_SECONDS / COVERED_STEPS
_EMPTY = Vector(())
# An instant query finds no sample that is older (Prometheus's default, query.lookback-delta).
_LOOKBACK_SECONDS = 300.0


class _Figure(NamedTuple):
    """One named expression, ready to be computed."""

    label: str
    evaluate: Evaluate
    group_labels: tuple[str, ...]


class SimulatedPrometheus:
    """Answers a query set; ``answer`` must be called in order of time."""

    def __init__(self, request: QueryRequest) -> None:
        columns = Columns()
        self._figures = {
            name: [
                _Figure(item.label, compiled(item.expression, columns), _GROUP_LABELS[_grouping(item.expression)])
                for item in items
            ]
            for name, items in value_queries(request).items()
        }
        self._ages = [f"{dialect.name}/age" for dialect in request.dialects]
        self._reads = tuple(map(reader, columns.names))
        self._targets: dict[str, TargetSeries] = {}
        self._seldom: dict[str, Vector] = {}
        self._seldom_until = 0.0
        self._labels: dict[tuple[str, Group], Mapping[str, str]] = {}

    def answer(self, observation: Observation) -> dict[str, Vector]:
        """The vectors of all queries at the second of an observation."""
        self._ingest(observation)
        second = observation.second
        targets = list(self._targets.values())
        if not self._seldom or second >= self._seldom_until:
            self._seldom = {name: self._vector(name, targets, second) for name in self._figures if name in SELDOM}
            self._seldom_until = second + SELDOM_SECONDS
        often = {name: self._vector(name, targets, second) for name in self._figures if name not in SELDOM}
        pods = Vector(tuple(self._pods(observation, second)))
        return {PODS: pods, MISSING: _EMPTY, **self._seldom, **often}

    def _ingest(self, observation: Observation) -> None:
        samples, known = observation.samples, self._targets
        pools = {replica.name: replica.variant for replica in observation.replicas}
        for name in known.keys() - samples.keys():
            del known[name]
        for name, scraped in samples.items():
            target = known.get(name)
            if target is None:
                target = known[name] = TargetSeries(name, pools.get(name, ""), self._reads)
            first = len(scraped)
            while first and scraped[first - 1].second > target.last_second:
                first -= 1
            for sample in scraped[first:]:
                target.append(sample, FRESH_SECONDS)
            target.is_failing, target.is_ended = name in observation.failing, name in observation.ended
            target.move_to(observation.second, LENGTH_SECONDS)

    def _vector(self, query: str, targets: list[TargetSeries], second: float) -> Vector:
        return Vector(
            tuple(
                (self._labels_of(figure, group), value)
                for figure in self._figures[query]
                for group, value in figure.evaluate(targets, second).items()
                if isfinite(value)
            )
        )

    def _labels_of(self, figure: _Figure, group: Group) -> Mapping[str, str]:
        """The labels of an element; there are few of them, and every poll has the same ones."""
        labels = self._labels.get((figure.label, group))
        if labels is None:
            own = dict(zip(figure.group_labels, group, strict=True))
            labels = self._labels[figure.label, group] = {**_LABELS, **own, "signal": figure.label}
        return labels

    def _pods(self, observation: Observation, second: float) -> Iterator[Sample]:
        """By pod, the age of its newest sample or that it cannot be read, and how well the past is covered."""
        for name, target in self._targets.items():
            age = second - target.last_second
            if is_shown(target) and age < _LOOKBACK_SECONDS:
                yield from ((_pod_labels(name, label), age) for label in self._ages)
            covered = covered_steps(target, second)
            if covered < COVERED_STEPS - 1 and (covered or not target.is_ended):
                yield _pod_labels(name, "covered"), float(covered)
        for name in observation.failing:
            yield _pod_labels(name, "up"), 0.0
            yield _pod_labels(name, "samples"), 0.0
            if name not in self._targets:
                yield _pod_labels(name, "covered"), 0.0


def _grouping(expression: Expression) -> Grouping:
    match expression:
        case SeriesFold():
            return expression.by
        case PoolMedian():
            return Grouping.POOL
        case _:
            return Grouping.DEPLOYMENT


def _pod_labels(pod: str, signal: str) -> Mapping[str, str]:
    return {**_LABELS, "pod": pod, "signal": signal}


def covered_steps(target: TargetSeries, second: float) -> int:
    """In how many steps of the long window, which are multiples of their length, there was a good scrape shortly before."""
    last_step = floor(second / _COVERED_STEP_SECONDS) * _COVERED_STEP_SECONDS
    first_step = last_step - (COVERED_STEPS - 1) * _COVERED_STEP_SECONDS
    if target.gapless_since <= first_step and target.last_second > last_step - FRESH_SECONDS:
        return COVERED_STEPS
    steps = (first_step + index * _COVERED_STEP_SECONDS for index in range(COVERED_STEPS))
    return sum(_is_covered(target, step) for step in steps)


def _is_covered(target: TargetSeries, step: float) -> bool:
    before = bisect_right(target.seconds, step)
    return before > 0 and target.seconds[before - 1] > step - FRESH_SECONDS
