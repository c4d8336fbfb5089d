"""Finds the best single setting of each autoscaler over all scenarios, on their training parts.

The best setting reaches 99 % in the most scenarios and, among equals, has the lowest cost. Flash bursts are left out: no
setting serves them without waste. Costs are relative to the bound, so that large scenarios do not outweigh small ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.jobs import BoundJob, Period, Run, bounds, outcomes
from benchmark.results.scoring import Score, score_of

if TYPE_CHECKING:
    from benchmark.autoscalers.autoscaler_config import Recipe
    from benchmark.autoscalers.autoscalers import Family
    from benchmark.bound.scenario_bound import Bound
    from benchmark.scenarios.scenario import Scenario

SEED = 101
GOAL = 99.0

# By scenario and recipe.
Scores = Mapping[tuple[str, str], Score]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """The best recipe by family, and the scores and bounds of all settings on the training parts."""

    best: dict[str, Recipe]
    scores: dict[tuple[str, str], Score]
    bounds: dict[str, Bound]


def tune(families: Iterable[Family], scenarios: Iterable[Scenario], processes: int) -> Tuned:
    """Run every setting of every family, including families without a grid, for comparison."""
    named = list(families)
    tuned_scenarios = [scenario for scenario in scenarios if scenario.is_tuned and not scenario.is_flash]
    recipes = [recipe for family in named for recipe in family.recipes]
    results = outcomes(
        [Run(one.id, recipe.name, SEED, Period.TRAINING) for one in tuned_scenarios for recipe in recipes], processes
    )
    by_id = {one.id: one.training for one in tuned_scenarios}
    scores = {(run.scenario, run.recipe): score_of(by_id[run.scenario], outcome) for run, outcome in results.items()}
    least = bounds([BoundJob(one.id, SEED, Period.TRAINING) for one in tuned_scenarios], processes)
    by_scenario = {job.scenario: bound for job, bound in least.items()}
    chosen = {family.name: best(family.recipes, scores, by_scenario) for family in named}
    return Tuned(best=chosen, scores=scores, bounds=by_scenario)


def best(recipes: Iterable[Recipe], scores: Scores, least: Mapping[str, Bound]) -> Recipe:
    """The best of some recipes: fewest scenarios below the goal, then lowest cost over the bound."""

    def rank(recipe: Recipe) -> tuple[int, float]:
        of_recipe = {id_: score for (id_, name), score in scores.items() if name == recipe.name}
        missed = sum(score.attainment < GOAL for score in of_recipe.values())
        return missed, sum(score.cost / least[id_].cost for id_, score in of_recipe.items())

    return min(recipes, key=rank)
