"""A study of the benchmark with made-up results for all autoscalers in all scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.autoscalers.autoscalers import FAMILIES, PRODUCT
from benchmark.autoscalers.tuning import Tuned
from benchmark.bound.scenario_bound import Bound
from benchmark.experiment import DAY_SECOND, Gap, Study
from benchmark.results.resampling import Interval
from benchmark.results.result_rows import Row
from benchmark.results.results import TimePoint
from benchmark.results.scoring import Score
from benchmark.results.targets import ORDINARY
from benchmark.scenarios.catalogue import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Callable

OURS = PRODUCT.default.name


def row(scenario: str, recipe: str, *, attainment: float = 99.5, ratio: float = 1.2) -> Row:
    return Row(
        scenario=scenario,
        recipe=recipe,
        attainment=attainment,
        attainment_interval=Interval(attainment - 0.1, attainment + 0.1),
        worst_deployment=attainment,
        worst_hour=attainment - 1.0,
        device_hours=100.0 * ratio,
        cost=100.0 * ratio,
        bound_cost=100.0,
        ratio=ratio,
        ratio_interval=Interval(ratio, ratio),
        mean_devices=10.0,
        changes_per_day=100.0,
        reversals_per_day=10.0,
    )


def score(attainment: float, cost: float) -> Score:
    return Score(
        blocks=(),
        attainment=attainment,
        worst_deployment=attainment,
        worst_hour=attainment,
        device_hours=cost,
        cost=cost,
        changes_per_day=0.0,
        reversals_per_day=0.0,
    )


def study(change: Callable[[Row], Row] = lambda one: one) -> Study:
    """A study in which all reach the goal, the peers at twice the bound and the operator at 1.2 times the bound."""
    recipes = [recipe.name for family in FAMILIES for recipe in family.recipes]
    rows = (row(one.id, name, ratio=1.2 if name == OURS else 2.0) for one in SCENARIOS for name in recipes)
    tuned = Tuned(
        best={family.name: family.default for family in FAMILIES},
        scores={(id_, name): score(99.5, 120.0 if name == OURS else 200.0) for id_ in ORDINARY for name in recipes},
        bounds={id_: Bound(100.0) for id_ in ORDINARY},
    )
    gap = Gap(scenario="S1-50", recipe=OURS, fluid_attainment=99.0, single_attainment=99.4, fluid_hours=10.0, single_hours=8.0)
    moments = tuple(TimePoint(second=DAY_SECOND + 120 * index, rate=30.0, ready=5, devices=10) for index in range(720))
    return Study(tuned=tuned, rows=tuple(map(change, rows)), gaps=(gap,), days=dict.fromkeys(recipes, moments))
