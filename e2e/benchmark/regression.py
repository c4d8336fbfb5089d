"""The regression check for continuous integration: a few runs in a few minutes, compared with limits.

Deterministic: the same sources give the same results. A limit is the result at the time when it was set, plus a tenth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.autoscalers.autoscalers import PRODUCT, recipe_of
from benchmark.results.result_rows import rows_of
from benchmark.scenarios.catalogue import scenario_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmark.results.result_rows import Row

SEED = 1
_OWN = PRODUCT.default.name
# Settings that reach 99 % in most scenarios.
_PEERS = ("hpa target=30%", "kubeai target=30%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The limits of the operator in a scenario: attainment in percent, cost over the bound and over the cheapest peer.

    Peers with a lower attainment than the limit are left out of the comparison.
    """

    scenario: str
    attainment: float
    over_bound: float
    over_peers: float


LIMITS: tuple[Limit, ...] = (
    Limit(scenario="S1-80", attainment=99.0, over_bound=1.45, over_peers=0.85),
    Limit(scenario="S4-market", attainment=97.0, over_bound=1.6, over_peers=1.0),
    Limit(scenario="S7-lost", attainment=98.0, over_bound=1.6, over_peers=1.0),
    Limit(scenario="S8-staircase", attainment=99.0, over_bound=1.85, over_peers=1.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The results in a scenario, and the limits that they miss."""

    scenario: str
    attainment: float
    over_bound: float
    over_peers: float
    failures: tuple[str, ...]


def findings(limits: Iterable[Limit] = LIMITS, processes: int = 1) -> list[Finding]:
    """Run the scenarios of the limits, and compare the results with them."""
    named = list(limits)
    recipes = [PRODUCT.default, *map(recipe_of, _PEERS)]
    rows = rows_of([scenario_of(limit.scenario) for limit in named], recipes, [SEED], processes)
    return [evaluate(limit, [row for row in rows if row.scenario == limit.scenario]) for limit in named]


def evaluate(limit: Limit, rows: Iterable[Row]) -> Finding:
    """Compare the operator's row with a limit and with the rows of the peers."""
    by_name = {row.recipe: row for row in rows}
    own_row = by_name.pop(_OWN)
    costs = [row.cost for row in by_name.values() if row.attainment >= limit.attainment]
    over_peers = own_row.cost / min(costs) if costs else 0.0
    failures = [
        text
        for text, is_missed in (
            (f"attainment {own_row.attainment:.2f} % < {limit.attainment} %", own_row.attainment < limit.attainment),
            (f"{own_row.ratio:.2f} x the bound > {limit.over_bound}", own_row.ratio > limit.over_bound),
            (f"{over_peers:.2f} x the cheapest peer > {limit.over_peers}", over_peers > limit.over_peers),
        )
        if is_missed
    ]
    return Finding(
        scenario=limit.scenario,
        attainment=own_row.attainment,
        over_bound=own_row.ratio,
        over_peers=over_peers,
        failures=tuple(failures),
    )


def main(processes: int) -> int:
    """Print the findings; returns exit code 1 if a limit is missed."""
    results = findings(processes=processes)
    for finding in results:
        reached = (
            f"{finding.attainment:6.2f} %, {finding.over_bound:.2f} x the bound, {finding.over_peers:.2f} x the cheapest peer"
        )
        print(f"{finding.scenario:14} {reached}  {'; '.join(finding.failures) or 'ok'}")
    return 1 if any(one.failures for one in results) else 0
