"""What the benchmark is measured by: the project's targets, and whether a study reaches them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.autoscalers.autoscalers import PEERS, PRODUCT
from benchmark.report.tables import hours, percent, ratio
from benchmark.results.result_rows import BLINDING
from benchmark.scenarios.catalogue import SCENARIOS, scenario_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmark.experiment import Study
    from benchmark.results.result_rows import Row

GOAL = 99.0
# No bursts that nobody can serve, and no faults: what one configuration must be good for.
ORDINARY = tuple(one.id for one in SCENARIOS if one.is_tuned and not one.is_flash)
_OURS = PRODUCT.default.name
# Where Prometheus knows nothing, or nothing new.
BLIND = tuple(one.id for one in SCENARIOS if any(fault.trouble in BLINDING for fault in one.faults))


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target, what was reached, and whether that is enough; ``None`` where no number was set."""

    target: str
    reached: str
    is_met: bool | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The product against the best peer with one configuration, over the ordinary scenarios."""

    peer: str
    peer_kept: int
    peer_hours: float
    our_kept: int
    our_hours: float

    @property
    def saving(self) -> float:
        """Share of the peer's accelerator-hours that the product does not use."""
        return 1.0 - self.our_hours / self.peer_hours


def kept(rows: Iterable[Row]) -> int:
    """Scenarios with the goal reached."""
    return sum(row.attainment >= GOAL for row in rows)


def ordinary_rows(study: Study, recipe: str) -> list[Row]:
    """The rows of a recipe in ordinary scenarios."""
    return [study.row(scenario, recipe) for scenario in ORDINARY]


def compared(study: Study) -> Comparison:
    """The best peer keeps the goal in the most scenarios and, of those, costs least relative to the bound."""
    by_peer = {name: ordinary_rows(study, name) for name in (study.tuned.best[family.name].name for family in PEERS)}
    peer = min(by_peer, key=lambda name: (-kept(by_peer[name]), sum(row.ratio for row in by_peer[name])))
    ours = ordinary_rows(study, _OURS)
    return Comparison(
        peer,
        kept(by_peer[peer]),
        sum(row.device_hours for row in by_peer[peer]),
        kept(ours),
        sum(row.device_hours for row in ours),
    )


def verdicts(study: Study) -> list[Verdict]:
    """All targets."""
    return [
        *(_kept(study, id_) for id_ in ORDINARY),
        _saving(study),
        _ratio(study, "S2-conversation", 1.30),
        _ratio(study, "S2-coding", 1.40),
        _flash(study),
        _burst(study),
        *(_fault(study, one.id) for one in SCENARIOS if one.is_fault and one.faults),
        _blind(study),
        _staircase(study),
    ]


def _kept(study: Study, id_: str) -> Verdict:
    row = study.row(id_, _OURS)
    interval = f"{percent(row.attainment_interval.low)} to {percent(row.attainment_interval.high)}"
    reached = f"{percent(row.attainment)} % ({interval}), lowest deployment {percent(row.worst_deployment)} %"
    return Verdict(f"{id_}: attainment of 99 %", reached, row.attainment >= GOAL)


def _saving(study: Study) -> Verdict:
    found = compared(study)
    reached = (
        f"{found.saving:.0%} fewer than `{found.peer}` ({hours(found.our_hours)} against {hours(found.peer_hours)}; "
        f"99 % kept in {found.our_kept} against {found.peer_kept} of {len(ORDINARY)} scenarios)"
    )
    return Verdict("30 % fewer accelerator-hours than the best peer with one configuration", reached, found.saving >= 0.3)


def _ratio(study: Study, id_: str, most: float) -> Verdict:
    row = study.row(id_, _OURS)
    reached = f"{ratio(row.ratio)} x ({ratio(row.ratio_interval.low)} to {ratio(row.ratio_interval.high)})"
    return Verdict(f"{id_}: at most {most:.2f} x the lower bound", reached, row.ratio <= most)


def _flash(study: Study) -> Verdict:
    row, slow = study.row("S4-flash-15s", _OURS), study.row("S4-flash", _OURS)
    against = row.cost / slow.bound_cost
    reached = f"{percent(row.attainment)} % at {ratio(row.ratio)} x ({ratio(against)} x the bound at 180 s)"
    return Verdict("S4-flash-15s: 98 % at 1.60 x", reached, row.attainment >= 98.0 and row.ratio <= 1.6)


def _burst(study: Study) -> Verdict:
    row = study.row("S4-flash", _OURS)
    return Verdict("S4-flash: the best that can be done", f"{percent(row.attainment)} % at {ratio(row.ratio)} x", None)


def _fault(study: Study, id_: str) -> Verdict:
    lost = calm_row(study, id_, _OURS).attainment - study.row(id_, _OURS).attainment
    title = scenario_of(id_).title
    return Verdict(f"{id_} ({title}): costs at most 1 point", f"{lost:.2f} points", lost <= 1.0)


def _blind(study: Study) -> Verdict:
    taken = {id_: study.row(id_, _OURS).taken_blindly for id_ in BLIND}
    reached = ", ".join(f"{id_} {devices}" for id_, devices in taken.items())
    return Verdict("nothing taken away while metrics are bad", f"devices: {reached}", not any(taken.values()))


def calm_row(study: Study, id_: str, recipe: str) -> Row:
    """The same morning without the fault."""
    return study.row("S7-none-slow" if id_ == "S7-slow" else "S7-none", recipe)


def mean_replicas(row: Row) -> float:
    """Replicas that were held on average, where all are alike."""
    (deployment,) = scenario_of(row.scenario).deployments
    return row.mean_devices / deployment.home_variant.devices_per_replica


def _staircase(study: Study) -> Verdict:
    row = study.row("S8-staircase", _OURS)
    replicas = mean_replicas(row)
    reached = f"{percent(row.attainment)} % at {replicas:.2f}"
    return Verdict(
        "S8-staircase: 99 % at 5.5 replicas on average (published: 95.8 % at 5.93)",
        reached,
        row.attainment >= GOAL and replicas <= 5.5,
    )
