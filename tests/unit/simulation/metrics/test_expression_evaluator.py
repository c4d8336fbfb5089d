"""Arithmetic of fleet queries over simulated targets, group by group, as Prometheus does it."""

from __future__ import annotations

import pytest

from fakes.fleets import sample
from modelmatrix.catalogue.metrics import Signal
from modelmatrix.signals.expressions import Expression, Quotient, Total, delta, increase, newest
from modelmatrix.simulation.metrics.expression_evaluator import Columns, compiled
from modelmatrix.simulation.metrics.target_series import TargetSeries, reader

ARRIVALS = Total((increase(Signal.FINISHED, 60.0), delta(Signal.RUNNING, 60.0)))


def evaluated(expression: Expression, *, finished: list[float], running: list[float]) -> dict[tuple[str, ...], float]:
    """The groups of an expression over one target that is scraped every 15 s."""
    columns = Columns()
    evaluate = compiled(expression, columns)
    target, second = TargetSeries("a-1", "a", tuple(map(reader, columns.names))), 0.0
    for index, (done, active) in enumerate(zip(finished, running, strict=True)):
        second = 15.0 * index
        target.append(sample(second, finished=done, running=active), 60.0)
    target.move_to(second, 600.0)
    return evaluate([target], second)


def test_a_total_adds_the_terms_of_a_group() -> None:
    assert evaluated(ARRIVALS, finished=[0, 4, 8, 12, 16], running=[1, 1, 1, 1, 5])[()] == pytest.approx(20.0, rel=0.25)


def test_a_total_is_never_below_zero() -> None:
    """Requests that were cancelled leave without being finished: fewer than none cannot have arrived."""
    assert evaluated(ARRIVALS, finished=[0, 0, 0, 0, 0], running=[9, 9, 9, 9, 0]) == {(): 0.0}


def test_a_group_that_a_term_lacks_is_not_in_the_total() -> None:
    total = Total((newest(Signal.FINISHED), delta(Signal.RUNNING, 60.0)))
    assert evaluated(total, finished=[7.0], running=[1.0]) == {}, "one sample has no change"


def test_nothing_is_divided_by_zero() -> None:
    ratio = Quotient(newest(Signal.FINISHED), newest(Signal.RUNNING))
    assert evaluated(ratio, finished=[6.0], running=[3.0]) == {(): 2.0}
    assert evaluated(ratio, finished=[6.0], running=[0.0]) == {}
