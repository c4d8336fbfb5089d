"""The rows of the report: for each scenario and autoscaler the means over seeds, confidence intervals, and the bound."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING

from benchmark.jobs import BoundJob, Run, bounds, outcomes
from benchmark.results.resampling import Interval, attainment_interval, ratio_interval
from benchmark.results.scoring import score_of
from benchmark.scenarios.scenario import ScenarioFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmark.autoscalers.autoscaler_config import Recipe
    from benchmark.bound.scenario_bound import Bound
    from benchmark.results.results import Outcome
    from benchmark.results.scoring import Score
    from benchmark.scenarios.scenario import Scenario


METRICS_FAULTS = {ScenarioFault.METRICS_LOST, ScenarioFault.METRICS_FROZEN, ScenarioFault.METRICS_NAN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One autoscaler in one scenario.

    Attainments are percentages over all seeds; hours, costs and devices are means per seed. ``ratio`` is the cost over the
    bound's. ``taken_blindly`` is the largest number of devices released during a fault of metrics, 0 without such faults.
    """

    scenario: str
    recipe: str
    attainment: float
    attainment_interval: Interval
    worst_deployment: float
    worst_hour: float
    device_hours: float
    cost: float
    bound_cost: float
    ratio: float
    ratio_interval: Interval
    mean_devices: float
    changes_per_day: float
    reversals_per_day: float
    taken_blindly: int = 0


def rows_of(scenarios: Sequence[Scenario], recipes: Iterable[Recipe], seeds: Sequence[int], processes: int) -> list[Row]:
    """The rows of all scenarios and recipes, in their order."""
    named = list(recipes)
    runs = [Run(scenario.id, recipe.name, seed) for scenario in scenarios for recipe in named for seed in seeds]
    results = outcomes(runs, processes)
    least = bounds([BoundJob(one.id, seed) for one in scenarios for seed in seeds], processes)
    rows = []
    for scenario in scenarios:
        by_seed = [least[BoundJob(scenario.id, seed)] for seed in seeds]
        for recipe in named:
            outcomes_by_seed = [results[Run(scenario.id, recipe.name, seed)] for seed in seeds]
            row = _row(scenario, recipe, [score_of(scenario, outcome) for outcome in outcomes_by_seed], by_seed)
            rows.append(replace(row, taken_blindly=max(taken_blindly(scenario, outcome) for outcome in outcomes_by_seed)))
    return rows


def taken_blindly(scenario: Scenario, outcome: Outcome) -> int:
    """The largest number of devices that were released during a fault of metrics."""
    taken = 0
    for fault in scenario.faults:
        if fault.kind in METRICS_FAULTS:
            end = fault.start_second + fault.duration_seconds
            held = [one.devices for one in outcome.moments if fault.start_second <= one.second < end]
            taken = max(taken, held[0] - min(held))
    return taken


def _row(scenario: Scenario, recipe: Recipe, scores: Sequence[Score], least: Sequence[Bound]) -> Row:
    blocks = [block for score in scores for block in score.blocks]
    met, requests = sum(block.met for block in blocks), sum(block.requests for block in blocks)
    costs, others = [score.cost for score in scores], [bound.cost for bound in least]
    return Row(
        scenario=scenario.id,
        recipe=recipe.name,
        attainment=100.0 * met / requests,
        attainment_interval=attainment_interval(blocks),
        worst_deployment=min(score.worst_deployment for score in scores),
        worst_hour=min(score.worst_hour for score in scores),
        device_hours=fmean(score.device_hours for score in scores),
        cost=fmean(costs),
        bound_cost=fmean(others),
        ratio=sum(costs) / sum(others),
        ratio_interval=ratio_interval(costs, others),
        mean_devices=fmean(score.device_hours for score in scores) / ((scenario.seconds - scenario.train_seconds) / 3600.0),
        changes_per_day=fmean(score.changes_per_day for score in scores),
        reversals_per_day=fmean(score.reversals_per_day for score in scores),
    )
