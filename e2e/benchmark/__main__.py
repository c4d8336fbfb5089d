"""``make benchmark``: run what has changed, and write the report. See the package's docstring for other ways to run it."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from benchmark.recipes import FAMILIES
from benchmark.rows import Row, rows_of
from benchmark.scenarios import SCENARIOS

if TYPE_CHECKING:
    pass

SEEDS = (1, 2, 3, 4, 5)


def main() -> int:
    """Run what the command line asks for."""
    options = _options()
    scenarios = [one for one in SCENARIOS if _is_asked(one.id, options.scenarios)]
    recipes = [recipe for family in FAMILIES if _is_asked(family.name, options.families) for recipe in family.recipes]
    rows = rows_of(scenarios, recipes, SEEDS[: options.seeds], options.jobs)
    for row in rows:
        print(_line(row))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmark", description=__doc__)
    parser.add_argument("--scenarios", default="", help="only those whose id begins with one of these, comma separated")
    parser.add_argument("--families", default="", help="only these autoscalers, comma separated")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="how many seeds")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    return parser.parse_args()


def _is_asked(name: str, asked: str) -> bool:
    return not asked or any(name.startswith(part) for part in asked.split(","))


def _line(row: Row) -> str:
    return (
        f"{row.scenario:16} {row.recipe:24} {row.attainment:7.2f} % worst hour {row.worst_hour:6.1f} "
        f"{row.device_hours:8.1f} h cost {row.cost:8.1f} = {row.ratio:5.2f} x bound, mean devices {row.mean_devices:6.2f}, "
        f"{row.changes_per_day:5.0f} changes and {row.reversals_per_day:4.0f} reversals a day"
    )


if __name__ == "__main__":
    sys.exit(main())
