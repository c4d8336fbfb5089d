"""The best single setting of each autoscaler over all scenarios, found on what they are tuned on.

The one that keeps 99 % in the most scenarios and, of those, costs least. Flash bursts are left out: no setting serves them
without waste. Costs are relative to the bound, so that no scenario outweighs the others by its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.jobs import Least, Run, Stretch, bounds, outcomes
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
    """Best recipe by family; what every setting reached on what is tuned on, and the bounds there."""

    best: dict[str, Recipe]
    scores: dict[tuple[str, str], Score]
    bounds: dict[str, Bound]


def tune(families: Iterable[Family], scenarios: Iterable[Scenario], processes: int) -> Tuned:
    """Run every setting of every family; a family without a grid is run too, for comparison."""
    named = list(families)
    taking = [scenario for scenario in scenarios if scenario.is_tuned and not scenario.is_flash]
    recipes = [recipe for family in named for recipe in family.recipes]
    found = outcomes([Run(one.id, recipe.name, SEED, Stretch.TRAINING) for one in taking for recipe in recipes], processes)
    by_id = {one.id: one.training for one in taking}
    scores = {(run.scenario, run.recipe): score_of(by_id[run.scenario], outcome) for run, outcome in found.items()}
    least = bounds([Least(one.id, SEED, Stretch.TRAINING) for one in taking], processes)
    by_scenario = {job.scenario: bound for job, bound in least.items()}
    chosen = {family.name: best(family.recipes, scores, by_scenario) for family in named}
    return Tuned(best=chosen, scores=scores, bounds=by_scenario)


def best(recipes: Iterable[Recipe], scores: Scores, least: Mapping[str, Bound]) -> Recipe:
    """The best of some recipes."""

    def rank(recipe: Recipe) -> tuple[int, float]:
        of_recipe = {id_: score for (id_, name), score in scores.items() if name == recipe.name}
        missed = sum(score.attainment < GOAL for score in of_recipe.values())
        return missed, sum(score.cost / least[id_].cost for id_, score in of_recipe.items())

    return min(recipes, key=rank)
