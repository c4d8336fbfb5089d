"""Which setting is the best."""

from __future__ import annotations

from benchmark.autoscalers.autoscaler_config import Recipe
from benchmark.autoscalers.tuning import best
from benchmark.bound.scenario_bound import Bound
from benchmark.results.scoring import Score
from fakes.benchmark_study import score
from modelmatrix.simulation.cluster.policy import StaticPolicy


def recipe(setting: str) -> Recipe:
    return Recipe(family="peer", setting=setting, module="", build=lambda *_: StaticPolicy({}))


BOUNDS = {"small": Bound(1.0), "large": Bound(100.0)}


def choose(**results: tuple[Score, Score]) -> str:
    scores = {
        (scenario, f"peer {setting}"): found
        for setting, pair in results.items()
        for scenario, found in zip(("small", "large"), pair, strict=True)
    }
    return best([recipe(setting) for setting in results], scores, BOUNDS).setting


def test_keeping_the_goal_comes_before_cost() -> None:
    assert choose(cheap=(score(98.9, 1), score(99.5, 100)), dear=(score(99.0, 9), score(99.5, 900))) == "dear"


def test_of_those_that_keep_it_the_cheapest_for_its_scenarios_wins() -> None:
    # Twice the bound of the small one weighs more than a tenth more of the large one.
    assert choose(a=(score(99.5, 2.0), score(99.5, 110)), b=(score(99.5, 1.5), score(99.5, 130))) == "b"
