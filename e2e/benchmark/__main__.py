"""``make benchmark``: runs the changed parts and writes the report. The package's docstring shows how to run a part."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from benchmark import regression as short
from benchmark.autoscalers.autoscalers import FAMILIES
from benchmark.experiment import SEEDS, compute
from benchmark.report.plots import draw
from benchmark.report.report import write
from benchmark.results.result_rows import rows_of
from benchmark.scenarios.catalogue import SCENARIOS

if TYPE_CHECKING:
    from benchmark.results.result_rows import Row


def main() -> int:
    """Run the part that the command line selects; returns the exit code."""
    options = _options()
    if options.short:
        return short.main(options.jobs)
    if options.scenarios or options.families:
        return _part(options)
    study = compute(options.jobs)
    write(study)
    draw(study)
    return 0


def _part(options: argparse.Namespace) -> int:
    """Print the rows of the selected scenarios and autoscalers."""
    scenarios = [scenario for scenario in SCENARIOS if _is_selected(scenario.id, options.scenarios)]
    recipes = [recipe for family in FAMILIES if _is_selected(family.name, options.families) for recipe in family.recipes]
    for row in rows_of(scenarios, recipes, SEEDS[: options.seeds], options.jobs):
        print(_line(row))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmark", description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="run for a few minutes and check that no ratio is worse than its limit"
    )
    parser.add_argument("--scenarios", default="", help="only scenarios whose id begins with one of these, comma separated")
    parser.add_argument("--families", default="", help="only these autoscalers, comma separated")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="the number of seeds")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="the number of processes")
    return parser.parse_args()


def _is_selected(name: str, selection: str) -> bool:
    return not selection or any(name.startswith(part) for part in selection.split(","))


def _line(row: Row) -> str:
    return (
        f"{row.scenario:16} {row.recipe:24} {row.attainment:7.2f} % worst hour {row.worst_hour:6.1f} "
        f"{row.device_hours:8.1f} h cost {row.cost:8.1f} = {row.ratio:5.2f} x bound, mean devices {row.mean_devices:6.2f}, "
        f"{row.changes_per_day:5.0f} changes and {row.reversals_per_day:4.0f} reversals a day"
    )


if __name__ == "__main__":
    sys.exit(main())
