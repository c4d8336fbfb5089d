"""A whole run, request by request (which needs no compiler): what is seen, what is obeyed, what goes wrong, what is counted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isnan
from typing import TYPE_CHECKING

import pytest

from benchmark.autoscalers.autoscaler_config import Recipe, SampleScope
from benchmark.environment.engines import QWEN32_H100X2, placement
from benchmark.environment.run import OPENING_SECONDS, play
from benchmark.environment.signals import in_flight, signals
from benchmark.results.results import parse_outcome
from benchmark.results.scoring import score_of
from benchmark.scenarios.arrivals import SteppedArrivals, Tokens
from benchmark.scenarios.scenario import Deployment, Fault, Mode, Pool, Scenario, ScenarioFault
from modelmatrix.performance.engine_timing import SloBounds, TokenLengths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmark.results.results import Outcome
    from modelmatrix.simulation.cluster.policy import Observation

SCENARIO = Scenario(
    id="test",
    title="",
    seconds=900,
    mode=Mode.REQUEST,
    pools=(Pool(name="pool", devices=16),),
    deployments=(
        Deployment(
            name="model",
            arrivals=SteppedArrivals(steps=((900, 4.0),), tokens=Tokens(input=1000, output=50)),
            lengths=TokenLengths(input_tokens=1000, output_tokens=50),
            slo=SloBounds(ttft_seconds=2.0, tpot_seconds=0.05),
            placements=(placement("h100", QWEN32_H100X2, "pool", start_seconds=60.0),),
        ),
    ),
)


@dataclass
class Script:
    """Does what it is told, and remembers what it saw."""

    orders: Mapping[int, int]
    seen: list[Observation] = field(default_factory=list)
    name: str = "script"

    def decide(self, observation: Observation) -> Mapping[str, int]:
        self.seen.append(observation)
        order = self.orders.get(round(observation.second))
        return {} if order is None else {"h100": order}


def run(
    *faults: Fault, orders: Mapping[int, int] | None = None, sample_scope: SampleScope = SampleScope.FLEET
) -> tuple[list[Script], Outcome]:
    scripts: list[Script] = []

    def build(*_: object) -> Script:
        scripts.append(Script(orders or {}))
        return scripts[-1]

    recipe = Recipe(family="script", setting="", module="", build=build, sample_scope=sample_scope)
    return scripts, play(replace(SCENARIO, faults=faults), recipe, 1)


def test_a_run_is_the_same_for_the_same_seed() -> None:
    assert run()[1] == run()[1]


def test_an_outcome_survives_json() -> None:
    _, outcome = run()
    assert parse_outcome(outcome.to_document()) == outcome


def test_a_calm_run_in_numbers() -> None:
    _, outcome = run()
    score = score_of(SCENARIO, outcome)
    assert score.attainment == 100.0
    # Two warm replicas of two devices for a quarter of an hour.
    assert score.device_hours == pytest.approx(1.0)
    assert score.changes_per_day == 0


def test_nobody_is_asked_before_there_is_something_to_see() -> None:
    scripts, _ = run()
    seconds = [observation.second for observation in scripts[0].seen]
    assert seconds == list(range(OPENING_SECONDS, 900, 15))


def test_orders_are_obeyed_as_far_as_there_are_devices() -> None:
    scripts, outcome = run(orders={300: 20, 600: 1})
    by_second = {observation.second: observation for observation in scripts[0].seen}
    assert len(by_second[315].replicas) == 8
    assert by_second[315].desired == {"h100": 20}
    assert by_second[315].free_replicas_by_variant == {"h100": 0}
    assert len(by_second[885].replicas) == 1
    assert outcome.served[0].changes == 2
    assert outcome.served[0].reversals == 1


def test_the_sum_of_the_fleet_is_the_sum_of_its_replicas() -> None:
    fleet, single = run(sample_scope=SampleScope.FLEET)[0][0], run(sample_scope=SampleScope.REPLICAS)[0][0]
    for one, other in zip(fleet.seen, single.seen, strict=True):
        assert signals(one).gauge(in_flight) == signals(other).gauge(in_flight)
        assert len(other.samples) == 2
        assert list(one.samples) == ["h100"]


@pytest.mark.parametrize("sample_scope", [SampleScope.FLEET, SampleScope.REPLICAS])
def test_lost_metrics_are_missing_to_who_asks_prometheus(sample_scope: SampleScope) -> None:
    fault = Fault(kind=ScenarioFault.METRICS_LOST, start_second=300, duration_seconds=300)
    by_second = {one.second: signals(one).gauge(in_flight) for one in run(fault, sample_scope=sample_scope)[0][0].seen}
    assert by_second[360] is None
    assert by_second[285] is not None
    assert by_second[600] is not None


def test_a_proxy_of_its_own_sees_on() -> None:
    fault = Fault(kind=ScenarioFault.METRICS_LOST, start_second=300, duration_seconds=300)
    assert all(signals(one).gauge(in_flight) is not None for one in run(fault, sample_scope=SampleScope.PROXY)[0][0].seen)


def test_gauges_can_be_no_numbers() -> None:
    fault = Fault(kind=ScenarioFault.METRICS_NAN, start_second=300, duration_seconds=300)
    by_second = {one.second: signals(one).gauge(in_flight) for one in run(fault)[0][0].seen}
    assert isnan(by_second[360] or 0.0)


def test_pages_can_freeze() -> None:
    fault = Fault(kind=ScenarioFault.METRICS_FROZEN, start_second=300, duration_seconds=300)
    finished = {one.second: one.samples["h100"][-1].finished for one in run(fault)[0][0].seen}
    assert finished[300] == finished[585] == finished[285]
    assert finished[600] > finished[585]


def test_counters_can_start_again() -> None:
    fault = Fault(kind=ScenarioFault.COUNTERS_RESET, start_second=300)
    finished = {one.second: one.samples["h100"][-1].finished for one in run(fault)[0][0].seen}
    assert finished[300] == 0.0
    assert 0.0 < finished[315] < finished[285]


def test_a_restarted_scaler_remembers_nothing() -> None:
    scripts, _ = run(Fault(kind=ScenarioFault.SCALER_RESTARTED, start_second=300))
    assert [script.seen[0].second for script in scripts] == [OPENING_SECONDS, 300]


def test_a_quota_can_freeze_for_a_while() -> None:
    fault = Fault(kind=ScenarioFault.QUOTA_FROZEN, start_second=200, duration_seconds=200, pool="pool")
    by_second = {one.second: len(one.replicas) for one in run(fault, orders={300: 4})[0][0].seen}
    assert by_second[315] == by_second[390] == 2
    assert by_second[420] == 4


def test_a_pool_can_lose_half_of_its_devices_and_the_replicas_on_them() -> None:
    fault = Fault(kind=ScenarioFault.POOL_HALVED, start_second=600, duration_seconds=200, pool="pool")
    scripts, outcome = run(fault, orders={300: 6})
    by_second = {one.second: len(one.replicas) for one in scripts[0].seen}
    assert (by_second[585], by_second[600], by_second[615]) == (6, 3, 4)
    assert by_second[825] == 6
    assert score_of(SCENARIO, outcome).attainment < 100.0


def test_one_replica_can_be_slow() -> None:
    fault = Fault(kind=ScenarioFault.REPLICA_SLOW, start_second=300, duration_seconds=300)
    script = run(fault, sample_scope=SampleScope.REPLICAS)[0][0]

    def step_seconds(name: str, since: int, until: int) -> float:
        """Mean inter-token latency of a replica between two looks."""
        pages = {one.second: one.samples[name][-1].inter_token for one in script.seen}
        grown = pages[until].since(pages[since])
        return grown.total / grown.count

    assert step_seconds("h100-1", 315, 585) > 1.5 * step_seconds("h100-2", 315, 585)
    assert step_seconds("h100-1", 660, 885) == pytest.approx(step_seconds("h100-2", 660, 885), rel=0.1)
