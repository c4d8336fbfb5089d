"""What the short form complains about."""

from __future__ import annotations

from benchmark.regression import Limit, evaluate
from benchmark.results.resampling import Interval
from benchmark.results.result_rows import Row

LIMIT = Limit(scenario="S1", attainment=99.0, over_bound=1.5, over_peers=0.9)


def row(recipe: str, attainment: float, cost: float) -> Row:
    return Row(
        scenario="S1",
        recipe=recipe,
        attainment=attainment,
        attainment_interval=Interval(attainment, attainment),
        worst_deployment=attainment,
        worst_hour=attainment,
        device_hours=cost,
        cost=cost,
        bound_cost=10.0,
        ratio=cost / 10.0,
        ratio_interval=Interval(1.0, 1.0),
        mean_devices=1.0,
        changes_per_day=0.0,
        reversals_per_day=0.0,
    )


def failures(attainment: float, cost: float, *peers: Row) -> int:
    return len(evaluate(LIMIT, [row("modelmatrix", attainment, cost), *peers]).failures)


def test_enough_is_enough() -> None:
    assert failures(99.0, 15.0, row("a", 99.5, 20.0), row("b", 99.9, 17.0)) == 0


def test_each_limit_is_looked_at() -> None:
    assert failures(98.9, 15.0, row("a", 99.5, 20.0)) == 1
    assert failures(99.0, 15.1, row("a", 99.5, 20.0)) == 1
    assert failures(99.0, 15.0, row("a", 99.5, 16.0)) == 1
    assert failures(90.0, 19.0, row("a", 99.5, 16.0)) == 3


def test_a_cheap_peer_that_misses_the_goal_is_no_measure() -> None:
    assert failures(99.0, 15.0, row("a", 99.5, 20.0), row("b", 97.0, 10.0)) == 0
    assert failures(99.0, 15.0, row("b", 97.0, 10.0)) == 0
