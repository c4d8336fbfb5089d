"""The operator's policy in the simulator: what it is told, and that it keeps an SLO."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from modelmatrix.api.model_deployment import PlacementPolicy
from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming, SloBounds, TokenLengths
from modelmatrix.planning.desired.schedule import ScheduleFloorWindow
from modelmatrix.scaling.observation.observation import Decision
from modelmatrix.scaling.observation.observation import Observation as Told
from modelmatrix.scaling.policy import SloPolicy
from modelmatrix.simulation.cluster.policy import Observation, ReplicaView
from modelmatrix.simulation.cluster.replica_set import Phase
from modelmatrix.simulation.cluster.variant import StartTime, Variant
from modelmatrix.simulation.fluid.environment import FluidEnvironment
from modelmatrix.simulation.operator_policy import UNLIMITED, DeploymentPrior, OperatorPolicyAdapter, PoolPrior
from modelmatrix.simulation.run import RunOptions, SimulationResult, simulate
from modelmatrix.simulation.traces.readers import Count

# ruff: noqa: S311 - seeded draws, no secrets

SLO = SloBounds(ttft_seconds=2.0, tpot_seconds=0.05, percentile=99.0)
TIMING, LIMITS = EngineTiming(0.016, 41e-6, 36e-9), EngineLimits(max_num_seqs=256, kv_tokens=300_000)
LENGTHS = TokenLengths(input_tokens=1155.0, output_tokens=211.0)
CAPACITY = TIMING.tpot_capacity(SLO.tpot_seconds, LENGTHS)
PLACED = PoolPrior(name="a", timing=TIMING, limits=LIMITS, start_seconds=100.0, devices=2, cost_per_hour=3.0, site="east")
KNOWN = DeploymentPrior(slo=SLO, min_replicas=1, max_replicas=20, variants=(PLACED,))


class Recording:
    """A scaling policy that keeps what it is told, and wants what there is."""

    name = "recording"

    def __init__(self, longest_start_seconds: float | None = None) -> None:
        self.told: list[Told] = []
        self.longest_start_seconds = longest_start_seconds

    def initial_state(self, second: float) -> float:
        return second

    def restore_state(self, _history: object, second: float) -> float:
        return second

    def decide(self, observation: Told, memory: float) -> tuple[Decision, float]:
        self.told.append(observation)
        by_pool = {variant.pool: variant.replicas for variant in observation.variants}
        decision = Decision(observation.desired, observation.quality, "as it is", by_pool=by_pool)
        return replace(decision, longest_start_seconds=self.longest_start_seconds), memory


def told(known: DeploymentPrior = KNOWN, **fields: Any) -> Told:
    """What the policy is told of a look at two ready replicas and one that starts."""
    views = (
        ReplicaView("a-1", "a", Phase.READY, 100.0, 250.0),
        ReplicaView("a-2", "a", Phase.READY, 100.0, 990.0),
        ReplicaView("a-3", "a", Phase.STARTING, 940.0, None),
        ReplicaView("a-4", "a", Phase.DRAINING, 0.0, 100.0),
    )
    defaults: dict[str, Any] = {"second": 1000.0, "desired": {"a": 3}, "replicas": views, "samples": {}}
    policy = Recording()
    OperatorPolicyAdapter(policy, known).decide(Observation(**defaults | fields))
    return policy.told[0]


def test_a_pool_is_told_as_the_api_server_shows_it() -> None:
    variant = told().variants[0]
    assert (variant.pool, variant.site, variant.cost_per_hour, variant.devices) == ("a", "east", 3.0, 2)
    assert (variant.ready, variant.starting, variant.settled) == (2, 1, 1)
    assert variant.starting_ages_seconds == (60.0,)
    assert variant.observed_starts == ((250.0, 150.0), (990.0, 890.0))
    assert variant.room == UNLIMITED
    assert told(free_replicas_by_variant={"a": 3}).variants[0].room == 3


def test_bounds_and_wishes_are_told() -> None:
    seen = told(replace(KNOWN, placement=PlacementPolicy.SPREAD))
    assert (seen.second, seen.slo, seen.desired) == (1000.0, SLO, 3)
    assert (seen.bounds.min_replicas, seen.bounds.max_replicas, seen.placement) == (1, 20, PlacementPolicy.SPREAD)


def test_open_windows_are_a_floor() -> None:
    windows = (
        ScheduleFloorWindow(start_second=900.0, end_second=1100.0, replicas=4, name="day"),
        ScheduleFloorWindow(start_second=1151.0, end_second=1200.0, replicas=9, name="peak"),
    )
    bounds = told(replace(KNOWN, windows=windows)).bounds
    assert (bounds.floor, bounds.window) == (4, "day"), "a start takes 100 s: 150 s before its start a window opens"
    sooner = replace(windows[1], start_second=1150.0)
    assert told(replace(KNOWN, windows=(windows[0], sooner))).bounds.floor == 9


def test_a_window_opens_by_the_longest_start_that_the_policy_has_learned() -> None:
    window = ScheduleFloorWindow(start_second=1500.0, end_second=1600.0, replicas=9, name="peak")
    policy = Recording(longest_start_seconds=400.0)
    adapter = OperatorPolicyAdapter(policy, replace(KNOWN, windows=(window,)))
    for second in (1000.0, 1015.0):
        adapter.decide(Observation(second=second, desired={"a": 1}, replicas=(), samples={}))
    floors = [observation.bounds.floor for observation in policy.told]
    assert floors == [0, 9], "150 s before its start by the prior, 510 s before it by what was learned"


@pytest.mark.parametrize(("scrapes", "rate"), [((), None), (((985.0, 10.0),), None), (((970.0, 0.0), (985.0, 30.0)), 2.0)])
def test_a_gateway_is_a_rate_between_two_scrapes(scrapes: tuple[tuple[float, float], ...], rate: float | None) -> None:
    assert told(gateway_requests=scrapes).gateway_per_second == rate


def test_the_decision_is_kept_and_its_pools_are_obeyed() -> None:
    policy = OperatorPolicyAdapter(Recording(), KNOWN)
    assert policy.name == "recording"
    assert policy.decision is None
    assert policy.decide(Observation(second=0.0, desired={"a": 2}, replicas=(), samples={})) == {"a": 0}
    assert policy.decision is not None
    assert policy.decision.replicas == 2


def played(rates: list[float], *, warm: int = 2, known: DeploymentPrior = KNOWN) -> SimulationResult:
    """A fluid of ten minutes at each rate."""
    variant = Variant(name="a", timing=TIMING, limits=LIMITS, start=StartTime(100.0), devices_per_replica=2)
    counts = [Count(600.0 * index, 600.0, 600.0 * rate) for index, rate in enumerate(rates)]
    environment = FluidEnvironment([variant], counts, LENGTHS, SLO, Random(1))
    environment.start_warm({"a": warm})
    return simulate(OperatorPolicyAdapter(SloPolicy(), known), environment, RunOptions(tick_seconds=15.0))


def test_the_policy_follows_a_load_and_keeps_the_slo() -> None:
    result = played([8.0, 12.0, 16.0, 20.0, 24.0, 20.0, 12.0, 8.0, 4.0, 4.0])
    assert result.policy == "slo"
    assert result.attainment_percent > 99.0
    assert result.peak_replicas >= 24.0 / CAPACITY
    assert result.series[-1].desired <= 2


def test_a_policy_that_knows_a_wrong_timing_learns_the_right_one() -> None:
    """A prior that promises half as much again would miss half of the requests."""
    hopeful = replace(PLACED, timing=EngineTiming(0.012, 28e-6, 24e-9))
    result = played([20.0] * 18, warm=3, known=replace(KNOWN, variants=(hopeful,)))
    assert result.series[-1].ready * CAPACITY > 20.0
