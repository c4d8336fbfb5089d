"""The project's targets for the benchmark, and whether a study reaches them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.autoscalers.autoscalers import PEERS, PRODUCT
from benchmark.report.tables import hours, percent, ratio
from benchmark.results.result_rows import METRICS_FAULTS
from benchmark.scenarios.catalogue import SCENARIOS, scenario_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmark.experiment import Study
    from benchmark.results.result_rows import Row

GOAL = 99.0
# Scenarios that one configuration must serve: without faults, and without bursts that no policy can serve.
ORDINARY = tuple(one.id for one in SCENARIOS if one.is_tuned and not one.is_flash)
_OWN = PRODUCT.default.name
# Scenarios in which Prometheus has no samples, or no new ones.
METRICS_FAULT_SCENARIOS = tuple(one.id for one in SCENARIOS if any(fault.kind in METRICS_FAULTS for fault in one.faults))


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target, the result, and whether it meets the target; ``None`` for a target without a number."""

    target: str
    reached: str
    is_met: bool | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The operator and the best peer, each with one configuration, over the ordinary scenarios."""

    peer: str
    peer_scenarios_met: int
    peer_hours: float
    our_scenarios_met: int
    our_hours: float

    @property
    def saving(self) -> float:
        """The share of the peer's accelerator-hours that the operator saves."""
        return 1.0 - self.our_hours / self.peer_hours


def scenarios_met(rows: Iterable[Row]) -> int:
    """The number of scenarios that reach the goal."""
    return sum(row.attainment >= GOAL for row in rows)


def ordinary_rows(study: Study, recipe: str) -> list[Row]:
    """The rows of a recipe in ordinary scenarios."""
    return [study.row(scenario, recipe) for scenario in ORDINARY]


def compare_with_best_peer(study: Study) -> Comparison:
    """Compare with the best peer: most scenarios that reach the goal, then lowest cost relative to the bound."""
    by_peer = {name: ordinary_rows(study, name) for name in (study.tuned.best[family.name].name for family in PEERS)}
    peer = min(by_peer, key=lambda name: (-scenarios_met(by_peer[name]), sum(row.ratio for row in by_peer[name])))
    own_rows = ordinary_rows(study, _OWN)
    return Comparison(
        peer,
        scenarios_met(by_peer[peer]),
        sum(row.device_hours for row in by_peer[peer]),
        scenarios_met(own_rows),
        sum(row.device_hours for row in own_rows),
    )


def evaluate_targets(study: Study) -> list[Verdict]:
    """The result of every target."""
    return [
        *(_attainment(study, id_) for id_ in ORDINARY),
        _saving(study),
        _ratio(study, "S2-conversation", 1.30),
        _ratio(study, "S2-coding", 1.40),
        _flash(study),
        _burst(study),
        *(_fault(study, one.id) for one in SCENARIOS if one.is_fault and one.faults),
        _blind(study),
        _staircase(study),
    ]


def _attainment(study: Study, id_: str) -> Verdict:
    row = study.row(id_, _OWN)
    interval = f"{percent(row.attainment_interval.low)} to {percent(row.attainment_interval.high)}"
    reached = f"{percent(row.attainment)} % ({interval}), lowest deployment {percent(row.worst_deployment)} %"
    return Verdict(f"{id_}: attainment of 99 %", reached, row.attainment >= GOAL)


def _saving(study: Study) -> Verdict:
    comparison = compare_with_best_peer(study)
    reached = (
        f"{comparison.saving:.0%} fewer than `{comparison.peer}` "
        f"({hours(comparison.our_hours)} against {hours(comparison.peer_hours)}; "
        f"99 % kept in {comparison.our_scenarios_met} against {comparison.peer_scenarios_met} of {len(ORDINARY)} scenarios)"
    )
    return Verdict("30 % fewer accelerator-hours than the best peer with one configuration", reached, comparison.saving >= 0.3)


def _ratio(study: Study, id_: str, most: float) -> Verdict:
    row = study.row(id_, _OWN)
    reached = f"{ratio(row.ratio)} x ({ratio(row.ratio_interval.low)} to {ratio(row.ratio_interval.high)})"
    return Verdict(f"{id_}: at most {most:.2f} x the lower bound", reached, row.ratio <= most)


def _flash(study: Study) -> Verdict:
    row, slow = study.row("S4-flash-15s", _OWN), study.row("S4-flash", _OWN)
    against = row.cost / slow.bound_cost
    reached = f"{percent(row.attainment)} % at {ratio(row.ratio)} x ({ratio(against)} x the bound at 180 s)"
    return Verdict("S4-flash-15s: 98 % at 1.60 x", reached, row.attainment >= 98.0 and row.ratio <= 1.6)


def _burst(study: Study) -> Verdict:
    row = study.row("S4-flash", _OWN)
    return Verdict("S4-flash: the best that can be done", f"{percent(row.attainment)} % at {ratio(row.ratio)} x", None)


def _fault(study: Study, id_: str) -> Verdict:
    lost = row_without_fault(study, id_, _OWN).attainment - study.row(id_, _OWN).attainment
    title = scenario_of(id_).title
    return Verdict(f"{id_} ({title}): costs at most 1 point", f"{lost:.2f} points", lost <= 1.0)


def _blind(study: Study) -> Verdict:
    taken = {id_: study.row(id_, _OWN).taken_blindly for id_ in METRICS_FAULT_SCENARIOS}
    reached = ", ".join(f"{id_} {devices}" for id_, devices in taken.items())
    return Verdict("nothing taken away while metrics are bad", f"devices: {reached}", not any(taken.values()))


def row_without_fault(study: Study, id_: str, recipe: str) -> Row:
    """The row of the same morning without the fault."""
    return study.row("S7-none-slow" if id_ == "S7-slow" else "S7-none", recipe)


def mean_replicas(row: Row) -> float:
    """The mean number of replicas in a scenario with one deployment and one variant."""
    (deployment,) = scenario_of(row.scenario).deployments
    return row.mean_devices / deployment.home_variant.devices_per_replica


def _staircase(study: Study) -> Verdict:
    row = study.row("S8-staircase", _OWN)
    replicas = mean_replicas(row)
    reached = f"{percent(row.attainment)} % at {replicas:.2f}"
    return Verdict(
        "S8-staircase: 99 % at 5.5 replicas on average (published: 95.8 % at 5.93)",
        reached,
        row.attainment >= GOAL and replicas <= 5.5,
    )
