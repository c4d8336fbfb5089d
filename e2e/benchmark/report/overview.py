"""The table of autoscalers and scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.autoscalers.autoscalers import PRODUCT
from benchmark.report.tables import hours, ratio, table
from benchmark.results.targets import GOAL, ORDINARY, ordinary_rows, scenarios_met
from benchmark.scenarios.catalogue import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.experiment import Study
    from benchmark.results.result_rows import Row

_FLASHES = tuple(one.id for one in SCENARIOS if one.is_flash)
_OWN = PRODUCT.default.name


def matrix(study: Study, recipes: Sequence[str]) -> str:
    """Attainment @ cost over the bound; the second column has the ordinary scenarios that reach the goal, and the hours."""
    scenarios = (*ORDINARY, *_FLASHES)
    rows = []
    for name in recipes:
        ordinary = ordinary_rows(study, name)
        total = sum(row.device_hours for row in ordinary)
        summary = f"{scenarios_met(ordinary)}/{len(ordinary)} @ {hours(total)} h"
        rows.append((f"`{name}`", summary, *(_cell(study.row(scenario, name)) for scenario in scenarios)))
    least = [f"{hours(study.row(scenario, _OWN).bound_cost)} h" for scenario in scenarios]
    rows.append(("lower bound, cost", "", *least))
    return table(("autoscaler", "kept @ hours", *scenarios), rows)


def _cell(row: Row) -> str:
    text = f"{row.attainment:.1f} @ {ratio(row.ratio)}"
    return f"**{text}**" if row.attainment >= GOAL else text
