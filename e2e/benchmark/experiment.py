"""Computes all data of the report, from the cache where possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.autoscalers.autoscalers import FAMILIES, PEERS, PRODUCT, STATIC
from benchmark.autoscalers.tuning import Tuned, tune
from benchmark.jobs import Period, Run, outcomes, scenario_part
from benchmark.results.result_rows import Row, rows_of
from benchmark.results.scoring import score_of
from benchmark.scenarios.catalogue import SCENARIOS
from benchmark.scenarios.scenario import Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.autoscalers.autoscaler_config import Recipe
    from benchmark.results.results import Outcome, TimePoint
    from benchmark.scenarios.scenario import Scenario

SEEDS = (1, 2, 3, 4, 5)
# Results of vendors' settings are far from the goal; more seeds would not change that.
DEFAULT_SETTING_SEEDS = SEEDS[:2]
# The day of the plot: the busiest of the week of working days.
DAY_SCENARIO, DAY_SECOND, DAY_SEED = "S2-coding", 5 * 86_400, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One autoscaler in the same hour in both simulations: attainments in percent, device-hours."""

    scenario: str
    recipe: str
    fluid_attainment: float
    single_attainment: float
    fluid_hours: float
    single_hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """All results: best settings by family, rows, gaps between the two simulations, and one day of each autoscaler."""

    tuned: Tuned
    rows: tuple[Row, ...]
    gaps: tuple[Gap, ...]
    days: dict[str, tuple[TimePoint, ...]]

    def row(self, scenario: str, recipe: str) -> Row:
        """The row of a scenario and a recipe.

        Raises:
            KeyError: the study has no such row.
        """
        return {(row.scenario, row.recipe): row for row in self.rows}[scenario, recipe]


def compute(processes: int) -> Study:
    """Tune the peers, run all autoscalers, and compare the two simulations."""
    tuned = tune(FAMILIES, SCENARIOS, processes)
    best = [tuned.best[family.name] for family in PEERS]
    recipes = [PRODUCT.default, *best, STATIC.default]
    defaults = [family.default for family in PEERS if family.default not in recipes]
    without_faults = [one for one in SCENARIOS if not one.is_fault]
    rows = [
        *rows_of(SCENARIOS, recipes, SEEDS, processes),
        *rows_of(without_faults, defaults, DEFAULT_SETTING_SEEDS, processes),
    ]
    compared = [PRODUCT.default, tuned.best["hpa"]]
    return Study(tuned=tuned, rows=tuple(rows), gaps=_gaps(compared, processes), days=_days(recipes, processes))


def _gaps(recipes: Sequence[Recipe], processes: int) -> tuple[Gap, ...]:
    fluids = [one for one in SCENARIOS if one.mode is Mode.FLUID and not one.is_fault]
    results = outcomes(
        [Run(one.id, recipe.name, 1, stretch) for one in fluids for recipe in recipes for stretch in _BOTH], processes
    )
    return tuple(_gap(one, recipe, results) for one in fluids for recipe in recipes)


_BOTH = (Period.STEEPEST, Period.SINGLE)


def _gap(scenario: Scenario, recipe: Recipe, results: dict[Run, Outcome]) -> Gap:
    runs = [Run(scenario.id, recipe.name, 1, stretch) for stretch in _BOTH]
    fluid, single = (score_of(scenario_part(run), results[run]) for run in runs)
    return Gap(
        scenario=scenario.id,
        recipe=recipe.name,
        fluid_attainment=fluid.attainment,
        single_attainment=single.attainment,
        fluid_hours=fluid.device_hours,
        single_hours=single.device_hours,
    )


def _days(recipes: Sequence[Recipe], processes: int) -> dict[str, tuple[TimePoint, ...]]:
    results = outcomes([Run(DAY_SCENARIO, recipe.name, DAY_SEED) for recipe in recipes], processes)
    return {
        run.recipe: tuple(one for one in outcome.moments if DAY_SECOND <= one.second < DAY_SECOND + 86_400)
        for run, outcome in results.items()
    }
