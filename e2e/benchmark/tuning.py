"""The best single setting of each autoscaler over all scenarios, found on what they are tuned on.

The one that keeps 99 % in the most scenarios and, of those, costs least. Flash bursts are left out: no setting serves them
without waste. Costs are relative to the bound, so that no scenario outweighs the others by its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from benchmark.jobs import Least, Run, bounds, outcomes
from benchmark.score import Score, score_of

if TYPE_CHECKING:
    from benchmark.bound.scenario_bound import Bound
    from benchmark.recipe import Recipe
    from benchmark.recipes import Family
    from benchmark.scenario import Scenario

SEED = 101
GOAL = 99.0

# By scenario and recipe.
Scores = Mapping[tuple[str, str], Score]


def best_settings(families: Iterable[Family], scenarios: Iterable[Scenario], processes: int) -> dict[str, Recipe]:
    """The best recipe by family; a family without a grid has none."""
    tuned = [family for family in families if family.grid]
    taking = [scenario for scenario in scenarios if scenario.is_tuned and not scenario.is_flash]
    runs = [Run(one.id, recipe.name, SEED, True) for family in tuned for recipe in family.recipes for one in taking]
    found = outcomes(runs, processes)
    scores = {
        (one.id, run.recipe): score_of(one.training, found[run]) for one in taking for run in runs if run.scenario == one.id
    }
    least = bounds([Least(one.id, SEED, True) for one in taking], processes)
    by_scenario = {job.scenario: bound for job, bound in least.items()}
    return {family.name: best(family.recipes, scores, by_scenario) for family in tuned}


def best(recipes: Iterable[Recipe], scores: Scores, least: Mapping[str, Bound]) -> Recipe:
    """The best of some recipes."""

    def rank(recipe: Recipe) -> tuple[int, float]:
        of_recipe = {id_: score for (id_, name), score in scores.items() if name == recipe.name}
        missed = sum(score.attainment < GOAL for score in of_recipe.values())
        return missed, sum(score.cost / least[id_].cost for id_, score in of_recipe.items())

    return min(recipes, key=rank)
