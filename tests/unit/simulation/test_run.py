"""The loop around a policy: what it shows, what it obeys, what it counts."""

# ruff: noqa: S311 - seeded draws, no secrets

from __future__ import annotations

from dataclasses import dataclass, field
from math import isnan
from random import Random
from typing import TYPE_CHECKING

import pytest

from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming, SloBounds
from modelmatrix.simulation.cluster.environment import RequestEnvironment
from modelmatrix.simulation.cluster.fleet import Fleet
from modelmatrix.simulation.cluster.policy import Observation, StaticPolicy
from modelmatrix.simulation.cluster.replica_set import Phase
from modelmatrix.simulation.cluster.slo_counter import SloCounter
from modelmatrix.simulation.cluster.variant import StartTime, Variant
from modelmatrix.simulation.engine.request import Request
from modelmatrix.simulation.metrics.scraper import FaultKind, MetricsFault, Scraper
from modelmatrix.simulation.run import RunOptions, simulate

if TYPE_CHECKING:
    from collections.abc import Mapping

CHAT = Variant(
    name="a",
    timing=EngineTiming(0.01, 1e-5, 1e-8),
    limits=EngineLimits(max_num_seqs=8, kv_tokens=100_000),
    start=StartTime(100.0),
    devices_per_replica=2,
)
SLO = SloBounds(ttft_seconds=1.0, tpot_seconds=0.05)


@dataclass
class Script:
    """Says what it was told to say at each second, and remembers what it saw."""

    orders: dict[float, Mapping[str, int]]
    name: str = "script"
    seen: list[Observation] = field(default_factory=list)

    def decide(self, observation: Observation) -> Mapping[str, int]:
        self.seen.append(observation)
        return self.orders.get(observation.second, {})


def world(seconds: int, *, warm: int = 1) -> RequestEnvironment:
    fleet = Fleet([CHAT], Random(1))
    fleet.start_warm({"a": warm})
    return RequestEnvironment(fleet, [Request(float(second), 100, 20) for second in range(seconds)], SLO)


def test_a_static_fleet_in_numbers() -> None:
    result = simulate(StaticPolicy({"a": 2}), world(600, warm=2))
    assert result.attainment_percent == result.worst_hour_attainment_percent == 100.0
    assert (result.requests, result.changes, result.peak_replicas) == (600, 0, 2)
    assert result.mean_replicas == 2.0
    assert result.accelerator_hours == pytest.approx(4 * 600 / 3600)
    assert [row.second for row in result.series] == [60.0 * number for number in range(10)]
    assert {row.arrivals for row in result.series} == {60}
    assert {(row.desired, row.ready, row.devices) for row in result.series} == {(2, 2, 4)}


def test_the_document_has_the_keys_of_the_command() -> None:
    document = simulate(StaticPolicy({"a": 1}), world(90)).to_document()
    assert document["kind"] == "Simulation"
    assert document["attainmentPercent"] == 100.0
    assert set(document) == {
        *("kind", "policy", "attainmentPercent", "acceleratorHours", "meanReplicas", "peakReplicas", "changes"),
        *("worstHourAttainmentPercent", "series"),
    }
    assert document["series"][1] == {"second": 60.0, "arrivals": 30, "desired": 1, "ready": 1, "devices": 2}


def test_a_decision_takes_its_start_up_time_and_is_paid_from_the_beginning() -> None:
    policy = Script({60.0: {"a": 3}, 300.0: {"a": 1}})
    result = simulate(policy, world(600))
    rows = {row.second: row for row in result.series}
    assert (rows[60.0].desired, rows[60.0].ready, rows[60.0].devices) == (3, 1, 6)
    assert (rows[180.0].desired, rows[180.0].ready, rows[180.0].devices) == (3, 3, 6)
    assert (rows[360.0].desired, rows[360.0].ready, rows[360.0].devices) == (1, 1, 2)
    assert (result.changes, result.peak_replicas) == (2, 3)
    assert result.accelerator_hours == pytest.approx((2 * 600 + 4 * 240) / 3600, rel=0.01)


def test_the_policy_sees_what_prometheus_and_the_api_server_have() -> None:
    policy = Script({0.0: {"a": 2}})
    simulate(policy, world(300), RunOptions(has_gateway_metric=True))
    assert [one.second for one in policy.seen[:3]] == [0.0, 15.0, 30.0]
    at_30 = policy.seen[2]
    assert {view.name: (view.phase, view.ready_seconds) for view in at_30.replicas} == {
        "a-1": (Phase.READY, 0.0),
        "a-2": (Phase.STARTING, None),
    }
    assert [sample.second for sample in at_30.samples["a-1"]] == [0.0, 15.0, 30.0]
    assert at_30.samples["a-1"][-1].finished == 30
    assert at_30.gateway_requests == ((0.0, 0.0), (15.0, 15.0), (30.0, 30.0))
    assert "a-2" in policy.seen[-1].samples


def test_without_a_gateway_metric_there_is_none() -> None:
    policy = Script({})
    simulate(policy, world(60))
    assert policy.seen[-1].gateway_requests == ()


def test_requests_without_a_replica_are_missed() -> None:
    result = simulate(StaticPolicy({"a": 0}), world(60, warm=0), RunOptions(drain_seconds=60.0))
    assert (result.attainment_percent, result.requests) == (0.0, 60)


def test_requests_that_waited_too_long_are_missed() -> None:
    result = simulate(StaticPolicy({"a": 1}), world(200, warm=0))
    assert result.attainment_percent == pytest.approx(50.0, abs=1.0)


def test_an_empty_trace_is_no_error() -> None:
    result = simulate(StaticPolicy({"a": 1}), world(0))
    assert (result.attainment_percent, result.requests, len(result.series)) == (100.0, 0, 1)


@pytest.mark.parametrize("kind", list(FaultKind))
def test_metric_faults_reach_the_policy(kind: FaultKind) -> None:
    policy = Script({})
    scraper = Scraper(faults=[MetricsFault(kind, 60.0, 120.0)])
    simulate(policy, world(180), scraper=scraper)
    during = policy.seen[7].samples["a-1"]
    assert policy.seen[7].second == 105.0
    if kind is FaultKind.LOST:
        assert during[-1].second == 45.0
    elif kind is FaultKind.FROZEN:
        assert (during[-1].second, during[-1].finished) == (105.0, during[3].finished)
    else:
        assert isnan(during[-1].waiting)
    assert policy.seen[-1].samples["a-1"][-1].finished > 150


def test_samples_are_forgotten_in_time_and_survive_their_engine() -> None:
    policy = Script({120.0: {"a": 0}})
    simulate(policy, world(1200, warm=2), RunOptions(drain_seconds=1.0), scraper=Scraper(retention_seconds=300.0))
    by_second = {one.second: one for one in policy.seen}
    assert set(by_second[300.0].samples) == {"a-1", "a-2"}
    assert by_second[600.0].samples == {}


def test_the_worst_hour_is_the_worst() -> None:
    tally = SloCounter()
    tally.add(10.0, 100, 100)
    tally.add(3700.0, 10, 5)
    assert tally.worst_hour_attainment_percent == 50.0
    assert tally.attainment_percent == pytest.approx(100 * 105 / 110)
    assert SloCounter().worst_hour_attainment_percent == 100.0
