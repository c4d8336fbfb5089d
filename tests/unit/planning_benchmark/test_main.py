"""The benchmark of the planner: its fleets settle, and its table says how costs grow. No time is asserted."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator

import pytest

from modelmatrix.planning.actions.action import Create
from modelmatrix.planning.plan import plan
from planning_benchmark.__main__ import Cost, measure, report
from planning_benchmark.fleets import fresh, settled, with_one_more


@pytest.mark.parametrize("size", [4, 100])
def test_a_fleet_is_placed_whole_and_then_rests(size: int) -> None:
    snapshot = fresh(size)
    made = plan(snapshot)
    assert not any(deployment.shortage for deployment in made.deployments.values())
    assert not plan(settled(snapshot, made)).actions


def test_one_more_is_all_that_changes() -> None:
    snapshot = fresh(100)
    actions = plan(with_one_more(settled(snapshot, plan(snapshot)))).actions
    assert actions
    assert {action.deployment.name for action in actions if isinstance(action, Create)} == {"model-100"}


@pytest.fixture
def frozen() -> Iterator[None]:
    """What the other tests left is not gone through again for each figure."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("frozen")
def test_a_measurement_has_all_figures() -> None:
    cost = measure(8)
    assert (cost.deployments, cost.nodes >= 4) == (8, True)
    assert all(figure > 0 for figure in cost[2:])


def test_growth_is_told_against_n_log_n() -> None:
    def cost(size: int, steady: float) -> Cost:
        return Cost(size, size // 4, 1.0, 1.0, steady, 1.0, 1.0)

    ideal = 1000 * math.log(1000) / (100 * math.log(100))
    lines = list(report([cost(100, 1.0), cost(1000, 2 * ideal)]))
    assert [line.split(" | ")[-1].strip(" |") for line in lines[2:]] == ["", "2.00"]
