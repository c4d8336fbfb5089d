"""The report says what the figures say."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmark.autoscalers.autoscalers import FAMILIES, PEERS
from benchmark.experiment import Study
from benchmark.report.report import document, text
from benchmark.report.tables import hours, percent, table
from benchmark.results.result_rows import Row, taken_blindly
from benchmark.results.results import Outcome, TimePoint
from benchmark.results.targets import compare_with_best_peer, evaluate_targets, mean_replicas
from benchmark.scenarios.catalogue import SCENARIOS
from benchmark.scenarios.scenario import Fault, Scenario, ScenarioFault
from fakes.benchmark_study import OURS, row, study


def missed(found: Study) -> list[str]:
    return [one.target.partition(":")[0].partition(" (")[0] for one in evaluate_targets(found) if one.is_met is False]


def test_everything_is_reached() -> None:
    assert missed(study()) == []


@pytest.mark.parametrize("scenario", ["S1-50", "S3-bank", "S8-staircase"])
def test_a_missed_attainment_is_told(scenario: str) -> None:
    found = study(lambda one: replace(one, attainment=98.99) if (one.scenario, one.recipe) == (scenario, OURS) else one)
    assert scenario in missed(found)
    assert f"| {scenario}: attainment of 99 % | 98.99 % (99.40 to 99.60), lowest deployment 99.50 % | **no** |" in text(found)


def test_ratios_faults_and_savings_are_told() -> None:
    def worse(one: Row) -> Row:
        if one.recipe != OURS:
            return one
        return replace(one, ratio=1.5, device_hours=150.0, attainment=95.0 if one.scenario == "S7-lost" else one.attainment)

    found = study(worse)
    assert missed(found) == [
        "30 % fewer accelerator-hours than the best peer with one configuration",
        "S2-conversation",
        "S2-coding",
        "S7-lost",
    ]
    assert compare_with_best_peer(found).saving == pytest.approx(0.25)


def test_devices_given_up_blindly_are_told() -> None:
    found = study(lambda one: replace(one, taken_blindly=2) if (one.scenario, one.recipe) == ("S7-nan", OURS) else one)
    assert missed(found) == ["nothing taken away while metrics are bad"]
    assert "devices: S7-lost 0, S7-frozen 0, S7-nan 2" in text(found)


def test_only_what_was_given_up_during_the_fault_counts() -> None:
    fault = Fault(kind=ScenarioFault.METRICS_LOST, start_second=240, duration_seconds=240)
    scenario = Scenario(id="", title="", seconds=960, deployments=(), faults=(fault,))
    moments = [TimePoint(second=120 * index, rate=1.0, ready=1, devices=held) for index, held in enumerate((9, 9, 6, 5, 2))]
    assert taken_blindly(scenario, Outcome(seconds=960, served=(), moments=tuple(moments))) == 1
    reset = replace(scenario, faults=(replace(fault, kind=ScenarioFault.COUNTERS_RESET),))
    assert taken_blindly(reset, Outcome(seconds=960, served=(), moments=tuple(moments))) == 0


def test_the_best_peer_keeps_the_goal_before_it_is_cheap() -> None:
    def change(one: Row) -> Row:
        if one.recipe == PEERS[3].default.name:
            return replace(one, ratio=1.1, device_hours=110.0, attainment=98.0 if one.scenario == "S1-50" else 99.5)
        return replace(one, ratio=1.9, device_hours=190.0) if one.recipe == PEERS[5].default.name else one

    assert compare_with_best_peer(study(change)).peer == PEERS[5].default.name


def test_replicas_are_devices_over_those_of_one() -> None:
    assert mean_replicas(row("S8-staircase", OURS)) == 5.0


def test_the_report_has_everybody_and_every_scenario() -> None:
    report = text(study())
    assert all(f"`{family.default.name}`" in report for family in FAMILIES)
    assert all(f"| {one.id} " in report for one in SCENARIOS)
    assert "| S1-50 | `modelmatrix` | 99.00 | 99.40 | -0.40 | +25.0% |" in report


def test_the_document_is_json_and_has_all_rows() -> None:
    found = json.loads(json.dumps(document(study())))
    assert len(found["rows"]) == len(SCENARIOS) * sum(len(family.recipes) for family in FAMILIES)


def test_figures_are_not_rounded_to_what_they_are_not() -> None:
    assert [percent(99.999), percent(100.0), percent(98.994)] == ["99.99", "100", "98.99"]
    assert [hours(1234.5), hours(12.34)] == ["1,234", "12.3"]


def test_a_table_lines_up_figures() -> None:
    assert table(("a", "b"), [("x", "1")]) == "| a | b |\n| --- | --: |\n| x | 1 |\n"
