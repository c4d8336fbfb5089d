"""The detailed tables of the report: vendors' settings, the grid, the scenarios, and the two simulations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.autoscalers.autoscalers import FAMILIES, PEERS, PRODUCT
from benchmark.report.overview import matrix
from benchmark.report.tables import percent, ratio, table
from benchmark.results.targets import GOAL, ORDINARY
from benchmark.scenarios.catalogue import SCENARIOS, scenario_of
from benchmark.scenarios.scenario import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmark.experiment import Study

_OWN = PRODUCT.default.name


def defaults(study: Study) -> str:
    """The section with every peer in its vendor's setting."""
    return "## As the vendors set them\n\nAttainment in percent @ cost over the lower bound; two seeds.\n\n" + matrix(
        study, [family.default.name for family in PEERS]
    )


def cheapest_per_scenario(study: Study) -> str:
    """The section that compares the operator with the cheapest peer setting of each scenario."""
    tuned = study.tuned
    names = {recipe.name for family in PEERS for recipe in family.recipes}
    rows = []
    for id_ in ORDINARY:
        least = tuned.bounds[id_].cost
        sufficient = [
            (score.cost, name)
            for (at, name), score in tuned.scores.items()
            if at == id_ and name in names and score.attainment >= GOAL
        ]
        own_score = tuned.scores[id_, _OWN]
        cost, name = min(sufficient, default=(0.0, ""))
        cell = f"{ratio(cost / least)} `{name}`" if sufficient else "none keeps 99 %"
        rows.append((id_, f"{percent(own_score.attainment)} @ {ratio(own_score.cost / least)}", cell))
    return (
        "## Tuned for one scenario alone\n\n"
        "The hardest comparison: of all peers and settings, the cheapest that keeps 99 % in this scenario, picked after the "
        "fact on the very part that it is compared on.\n\n"
        + table(("scenario (part that is tuned on)", "operator, % @ x", "cheapest peer setting, x"), rows)
    )


def settings(study: Study) -> str:
    """The section with the grid and the best setting of each autoscaler."""
    rows = [
        (
            family.name,
            f"`{family.default.setting}`",
            ", ".join(f"`{one.setting}`" for one in family.recipes),
            f"`{study.tuned.best[family.name].setting}`",
        )
        for family in FAMILIES
        if family.grid
    ]
    return (
        "## Settings\n\n"
        "Targets in percent are parts of the requests that a replica has in flight at its capacity. Best: the one that keeps "
        "99 % in the most scenarios that are tuned on and, of those, costs least relative to the bound.\n\n"
        + table(("autoscaler", "vendor", "tried", "best"), rows)
    )


def scenarios() -> str:
    """The section with all scenarios."""
    rows = [
        (
            one.id,
            one.title,
            f"{one.seconds / 3600:g} h",
            f"{one.train_seconds / 3600:g} h" if one.train_seconds else ("another seed" if one.is_tuned else "not"),
            "request by request" if one.mode is Mode.REQUEST else "fluid",
            ", ".join(sorted({_bounds(one.id, index) for index in range(len(one.deployments))})),
        )
        for one in SCENARIOS
    ]
    return "## Scenarios\n\n" + table(("id", "what", "length", "tuned on", "world", "SLO"), rows)


def _bounds(id_: str, index: int) -> str:
    slo = scenario_of(id_).deployments[index].slo
    parts = (("TTFT", slo.ttft_seconds), ("TPOT", slo.tpot_seconds), ("E2E", slo.e2e_seconds))
    return " ".join(f"{name} {value:g} s" for name, value in parts if value is not None)


def gaps(study: Study) -> str:
    """The section that compares the fluid and the request simulation."""
    rows: Iterable[tuple[str, ...]] = (
        (
            gap.scenario,
            f"`{gap.recipe}`",
            percent(gap.fluid_attainment),
            percent(gap.single_attainment),
            f"{gap.fluid_attainment - gap.single_attainment:+.2f}",
            f"{gap.fluid_hours / gap.single_hours - 1.0:+.1%}",
        )
        for gap in study.gaps
    )
    header = ("scenario", "autoscaler", "fluid, %", "by request, %", "difference", "hours")
    return "## Fluid against request by request\n\nThe steepest hour of each scenario in both worlds.\n\n" + table(header, rows)
