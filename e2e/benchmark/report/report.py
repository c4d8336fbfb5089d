"""Writes the report: ``docs/benchmark.md``, and all numbers in ``docs/benchmark/results.json``. It computes nothing."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benchmark.autoscalers.autoscalers import PEERS, PRODUCT, STATIC
from benchmark.experiment import DAY_SCENARIO, SEEDS
from benchmark.paths import DOCUMENT, PICTURES
from benchmark.report import appendix
from benchmark.report.overview import matrix
from benchmark.report.plots import DAY, FRONTIER
from benchmark.report.tables import hours, percent, ratio, table
from benchmark.results.targets import (
    GOAL,
    METRICS_FAULT_SCENARIOS,
    ORDINARY,
    compare_with_best_peer,
    evaluate_targets,
    row_without_fault,
)
from benchmark.scenarios.catalogue import SCENARIOS, scenario_of

if TYPE_CHECKING:
    from benchmark.experiment import Study
    from benchmark.results.result_rows import Row

_FAULTS = tuple(one.id for one in SCENARIOS if one.is_fault)
_OWN = PRODUCT.default.name

_HEAD = """\
# Autoscaling benchmark

Made by `make benchmark`; do not edit. Every figure comes from runs on the simulator of this repository with the seeds {seeds};
all of them are in [results.json](benchmark/results.json).

The operator's own policy class (`modelmatrix.scaling`), fed through the adapter of `kubectl matrix simulate`, against ten other
projects' autoscalers, rewritten from their sources and tested against their formulas (`e2e/benchmark/peers`).
Nothing is tuned for the operator: it is told the SLO, bounds, prices, a roofline of the engine and the usual start time.
Each peer runs as its vendor sets it and at its best single setting over all scenarios, chosen from a published grid on the
first part of each trace (or another seed) and scored on the rest. Peers are told the true capacity of a replica, which people
must find by hand.

- **Attainment**: share of requests whose time to first token and mean time per token are both within the SLO; never finished
  is missed. Where there are several deployments, each counts the same.
- **Hours**: accelerators held, those of starting and draining replicas included. Cost weighs them with the pools' prices.
- **x**: cost over a lower bound that no autoscaler can be below at 99 %, even one that knows the future: a dynamic program over
  integer replicas and backlog (`e2e/benchmark/bound`), for S3's chat and S9 a linear program. It ignores tails and imperfect
  balance, so 1.00 cannot be reached.
- In brackets: 95 % confidence intervals, bootstrapped over days and seeds (attainment) or seeds (ratios).
"""

_NOTES = """\
## What to keep in mind

- The engines are models: step times fitted to published measurements ([how well](../tests/traces/perf/ACCURACY.md)), equal
  lengths within a deployment (except S5), a gateway that balances by load and knows what its backends can serve.
- Weeks run as a fluid, short episodes request by request; the last table says how far the two are apart.
- Peers are re-implementations. Prometheus is scraped every 15 s; autoscalers that count at a proxy of their own or scrape pods
  themselves look every 10 s. Those that scale one workload are given the kind of device that an owner would choose (S3, S9).
- llm-d's guide reached 95.8 % at 5.93 replicas on real devices with its latency predictor; with measured latencies only, and
  an engine whose memory fills at 1.4 requests/s, its rule does worse here.
- Traces and their licences: [tests/traces](../tests/traces/README.md).
"""


def write(study: Study) -> None:
    """Write the report and the results file."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    DOCUMENT.write_text(text(study), encoding="utf-8")
    (PICTURES / "results.json").write_text(json.dumps(document(study), indent=1) + "\n", encoding="utf-8")


def text(study: Study) -> str:
    """The report in Markdown."""
    return "\n".join(
        [
            _HEAD.format(seeds=", ".join(map(str, SEEDS))),
            _targets(study),
            _best(study),
            _pictures(study),
            _ours(study),
            _faults(study),
            appendix.defaults(study),
            appendix.cheapest_per_scenario(study),
            appendix.settings(study),
            appendix.scenarios(),
            appendix.gaps(study),
            _NOTES,
        ]
    )


def document(study: Study) -> dict[str, Any]:
    """All numbers, for ``results.json``."""
    return {
        "seeds": SEEDS,
        "rows": [_rounded(asdict(row)) for row in study.rows],
        "best": {family: recipe.name for family, recipe in study.tuned.best.items()},
        "targets": [asdict(verdict) for verdict in evaluate_targets(study)],
        "gaps": [_rounded(asdict(gap)) for gap in study.gaps],
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    return {key: _rounded(part) for key, part in value.items()} if isinstance(value, dict) else value


def _targets(study: Study) -> str:
    marks = {True: "yes", False: "**no**", None: ""}
    rows = [(verdict.target, verdict.reached, marks[verdict.is_met]) for verdict in evaluate_targets(study)]
    return "## Targets\n\n" + table(("target", "reached", "met"), rows)


def _best(study: Study) -> str:
    recipes = [_OWN, *(study.tuned.best[family.name].name for family in PEERS), STATIC.default.name]
    comparison = compare_with_best_peer(study)
    return (
        "## One configuration for everything\n\n"
        f"Attainment in percent @ cost over the lower bound. Bold: at least {GOAL:.0f} % kept.\n\n"
        f"{matrix(study, recipes)}\n"
        f"The best peer is `{comparison.peer}`: {comparison.peer_scenarios_met} of {len(ORDINARY)} scenarios kept "
        f"with {hours(comparison.peer_hours)} accelerator-hours in all. "
        f"The operator keeps {comparison.our_scenarios_met} with {hours(comparison.our_hours)}: "
        f"{comparison.saving:.0%} fewer. `static-peak` needs to know the peak beforehand.\n"
    )


def _pictures(study: Study) -> str:
    return (
        f"![Attainment against cost](benchmark/{FRONTIER})\n\n"
        "Diamond: the operator. Dots: peers at their best single setting, off the picture where they attain less than 90 % or "
        "cost more. Square: static at the peak. Line: the lower bound.\n\n"
        f"![A day of replicas over load](benchmark/{DAY})\n\n"
        f"A working day of {DAY_SCENARIO}: the operator, `{compare_with_best_peer(study).peer}`, and static at the peak.\n"
    )


def _ours(study: Study) -> str:
    header = (
        "scenario",
        "attainment, %",
        "worst hour, %",
        "hours",
        "cost",
        "bound",
        "x",
        "mean devices",
        "changes a day",
        "turns a day",
    )
    rows = [_detail(study.row(one.id, _OWN)) for one in SCENARIOS]
    return "## The operator in detail\n\n" + table(header, rows)


def _detail(row: Row) -> tuple[str, ...]:
    between, ratios = row.attainment_interval, row.ratio_interval
    return (
        row.scenario,
        f"{percent(row.attainment)} [{percent(between.low)}, {percent(between.high)}]",
        percent(row.worst_hour),
        hours(row.device_hours),
        hours(row.cost),
        hours(row.bound_cost),
        f"{ratio(row.ratio)} [{ratio(ratios.low)}, {ratio(ratios.high)}]",
        f"{row.mean_devices:.1f}",
        f"{row.changes_per_day:.0f}",
        f"{row.reversals_per_day:.0f}",
    )


def _faults(study: Study) -> str:
    recipes = [_OWN, *(study.tuned.best[family.name].name for family in PEERS)]
    faulty = [id_ for id_ in _FAULTS if scenario_of(id_).faults]
    rows = [
        (
            f"`{name}`",
            *(_lost(study, id_, name) for id_ in faulty),
            ", ".join(str(study.row(id_, name).taken_blindly) for id_ in METRICS_FAULT_SCENARIOS),
            percent(study.row("S7-none", name).attainment),
        )
        for name in recipes
    ]
    return (
        "## What goes wrong\n\n"
        "Points of attainment that a fault costs, against the same morning without it. Proxies of their own do not notice what "
        f"happens to Prometheus. Taken: devices given up while metrics were bad ({', '.join(METRICS_FAULT_SCENARIOS)}).\n\n"
        + table(("autoscaler", *faulty, "taken", "without, %"), rows)
    )


def _lost(study: Study, id_: str, recipe: str) -> str:
    return f"{row_without_fault(study, id_, recipe).attainment - study.row(id_, recipe).attainment:.1f}"
