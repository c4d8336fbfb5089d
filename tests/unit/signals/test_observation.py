"""One recorded series of metrics pages, read by the operator and by the simulator to the same observation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from modelmatrix.api.reasons import Reason
from modelmatrix.scaling.observation.observation import Decision, Observation
from modelmatrix.scaling.observation.replica_bounds import ReplicaBounds
from modelmatrix.signals.observation import DeploymentFacts, DeploymentSignals, PoolFacts, build_observation
from modelmatrix.signals.reading import ExpectedTargets, SignalReading, read_signals
from modelmatrix.signals.replica_history import StartupTracker
from modelmatrix.signals.samples import group_by_deployment
from modelmatrix.signals.scrape_coverage import ReplicaTarget
from modelmatrix.simulation.metrics.prometheus import DEPLOYMENT
from modelmatrix.simulation.metrics.signal_reader import ENGINE, simulated_dialect
from modelmatrix.simulation.operator_policy import UNLIMITED, DeploymentPrior, OperatorPolicyAdapter, PoolPrior
from signals.recorded_answers import bounds, recorded_vectors
from signals.simulated_pages import LIMITS, PODS, POOL, SECONDS, SLO, TIMING, observation, scrapes


class Recording:
    """A policy that stores its observation."""

    name = "recording"
    observation: Observation | None = None

    def initial_state(self, second: float) -> float:
        return second

    def restore_state(self, _history: object, second: float) -> float:
        return second

    def decide(self, observation: Observation, memory: float) -> tuple[Decision, float]:
        self.observation = observation
        return Decision(observation.desired, observation.quality, ""), memory


def read_by_simulator() -> Observation:
    """What the policy is shown in a simulation, which computes from the samples."""
    prior = PoolPrior(name=POOL, timing=TIMING, limits=LIMITS, start_seconds=60.0)
    policy = Recording()
    known = DeploymentPrior(slo=SLO, min_replicas=1, max_replicas=9, variants=(prior,))
    OperatorPolicyAdapter(policy, known).decide(observation(scrapes()))
    assert policy.observation is not None
    return policy.observation


def read_by_operator() -> Observation:
    """What the policy is shown in a cluster, where a real Prometheus has scraped the pages and answered the queries."""
    leaders = tuple(
        ReplicaTarget(pod.name, pod.name, POOL, ENGINE, simulated_dialect(), 960.0 - pod.start_second, 900.0 - pod.start_second)
        for pod in PODS
        if pod.end_second >= SECONDS
    )
    expected = ExpectedTargets(
        leaders=leaders, draining=0, dialects={POOL: simulated_dialect()}, bounds=bounds(), percentile=95
    )
    samples = group_by_deployment(recorded_vectors())[DEPLOYMENT]
    reading = read_signals(samples, expected, {"a-4"}, problem="", time_scale=1.0)
    starts = StartupTracker()
    starts.update(leaders, SECONDS)
    pool = PoolFacts(
        pool=POOL,
        timing=TIMING,
        limits=LIMITS,
        start_seconds=60.0,
        cost_per_hour=1.0,
        devices=1,
        ready=3,
        starting=0,
        room=UNLIMITED,
    )
    facts = DeploymentFacts(slo=SLO, bounds=ReplicaBounds(min_replicas=1, max_replicas=9), desired=3, pools=(pool,))
    return build_observation(facts, DeploymentSignals(leaders=leaders, reading=reading), starts, SECONDS)


def leaves(thing: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value in nested dataclasses and tuples, by its path."""
    if is_dataclass(thing):
        for one in fields(thing):
            yield from leaves(getattr(thing, one.name), f"{path}.{one.name}")
    elif isinstance(thing, tuple):
        for index, one in enumerate(thing):
            yield from leaves(one, f"{path}[{index}]")
    else:
        yield path, thing


def test_one_recorded_page_is_one_observation() -> None:
    operator, simulator = (dict(leaves(read())) for read in (read_by_operator, read_by_simulator))
    numbers = {path for path, value in operator.items() if isinstance(value, float)}
    assert {path: simulator[path] for path in numbers} == pytest.approx({path: operator[path] for path in numbers}, rel=1e-9)
    assert {path: value for path, value in simulator.items() if path not in numbers} == {
        path: value for path, value in operator.items() if path not in numbers
    }


def test_the_observation_is_of_a_busy_deployment() -> None:
    """The comparison above is about numbers, not about absences."""
    seen = read_by_operator()
    traffic, engine = seen.traffic, seen.variants[0].engine
    assert seen.quality is Reason.SIGNALS_FRESH
    assert traffic is not None
    assert engine is not None
    assert min(traffic.arrivals_per_second, traffic.running, traffic.input_tokens, traffic.hit_ratio) > 0
    assert traffic.tpot is not None
    assert 0 < traffic.tpot.within < traffic.tpot.requests
    assert seen.variants[0].observed_starts == ((0.0, 60.0), (0.0, 60.0), (825.0, 60.0))


def test_bounds_and_the_floor_come_from_the_facts() -> None:
    bounds_now = ReplicaBounds(min_replicas=1, max_replicas=9, floor=4, window="day")
    facts = DeploymentFacts(slo=SLO, bounds=bounds_now, desired=3, pools=())
    reading = SignalReading(quality=Reason.SIGNALS_MISSING, message="")
    observed = build_observation(facts, DeploymentSignals(leaders=(), reading=reading), StartupTracker(), 900.0)
    assert observed.bounds == bounds_now
