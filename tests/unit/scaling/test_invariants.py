"""What holds whatever the policy sees, and however long it has looked."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from modelmatrix.api.model_deployment import PlacementPolicy
from modelmatrix.api.reasons import Reason
from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming, SloBounds
from modelmatrix.scaling.observation.observation import (
    BoundAttainment,
    Decision,
    EngineReading,
    Observation,
    Traffic,
    Variant,
)
from modelmatrix.scaling.observation.replica_bounds import ReplicaBounds
from modelmatrix.scaling.policy import SloPolicy
from observations import Watch, traffic, unknown

POLICY = SloPolicy()
GOOD = {Reason.SIGNALS_FRESH, Reason.NO_TRAFFIC}

numbers = st.floats(0.0, 1e6) | st.sampled_from([0.0, 1e-12, 1.0, 1e9])
broken = numbers | st.sampled_from([math.nan, math.inf])


@st.composite
def shares(draw: st.DrawFn) -> BoundAttainment | None:
    requests = draw(st.floats(0.0, 1e6))
    return draw(st.none() | st.just(BoundAttainment(requests=requests, within=requests * draw(st.floats(0.0, 1.0)))))


readings = st.builds(
    EngineReading,
    step_seconds=st.floats(0.0, 10.0) | broken,
    running=broken,
    kv_usage_ratio=st.floats(0.0, 1.0) | broken,
    prompt_tokens_per_second=broken,
)
variants = st.builds(
    Variant,
    pool=st.sampled_from(["a", "b", "c"]),
    timing=st.builds(EngineTiming, st.floats(1e-3, 0.2), st.floats(1e-7, 1e-3), st.floats(0.0, 1e-6)),
    limits=st.builds(EngineLimits, max_num_seqs=st.integers(1, 512), kv_tokens=st.integers(100, 2_000_000)),
    start_seconds=st.floats(1.0, 3600.0),
    cost_per_hour=st.floats(0.0, 100.0),
    devices=st.integers(1, 16),
    ready=st.integers(0, 30),
    starting=st.integers(0, 5),
    room=st.integers(0, 30),
    starting_ages_seconds=st.lists(st.floats(0.0, 1e5), max_size=3).map(tuple),
    observed_starts=st.lists(st.tuples(st.floats(0.0, 1e6), st.floats(0.0, 4000.0)), max_size=3).map(tuple),
    settled=st.none() | st.integers(0, 30),
    site=st.sampled_from(["", "east", "west"]),
    engine=st.none() | readings,
)
traffics = st.builds(
    Traffic,
    arrivals_per_second=broken,
    arrivals_per_second_long=broken,
    arrivals_per_second_fast=st.none() | broken,
    waiting=broken,
    running=broken,
    input_tokens=st.floats(0.0, 1e5) | broken,
    output_tokens=st.floats(0.0, 1e4) | broken,
    kv_usage_ratio=st.floats(0.0, 1.0) | broken,
    observed_seconds=st.just(120.0),
    hit_ratio=st.floats(0.0, 1.0),
    ttft=shares(),
    tpot=shares(),
    e2e=shares(),
    measured=st.none() | st.integers(0, 40),
)
slos = st.builds(
    SloBounds,
    ttft_seconds=st.none() | st.floats(0.01, 30.0),
    tpot_seconds=st.none() | st.floats(0.005, 1.0),
    e2e_seconds=st.none() | st.floats(0.01, 300.0),
    percentile=st.integers(1, 100).map(float),
)


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    lowest = draw(st.integers(0, 10))
    highest = draw(st.integers(max(1, lowest), 40))
    return Observation(
        second=draw(st.floats(0.0, 1e6)),
        slo=draw(slos),
        bounds=ReplicaBounds(min_replicas=lowest, max_replicas=highest, floor=draw(st.integers(0, highest)), window="day"),
        desired=draw(st.integers(0, 50)),
        variants=tuple(draw(st.lists(variants, max_size=3, unique_by=lambda one: one.pool))),
        quality=draw(st.sampled_from([*GOOD, Reason.SIGNALS_MISSING, Reason.SIGNALS_STALE])),
        quality_message="words",
        traffic=draw(st.none() | traffics),
        placement=draw(st.sampled_from(list(PlacementPolicy))),
        gateway_per_second=draw(st.none() | broken),
    )


def check(seen: Observation, decision: Decision) -> None:
    bounds = seen.bounds
    lowest = min(max(bounds.min_replicas, bounds.floor), bounds.max_replicas)
    assert lowest <= decision.replicas <= bounds.max_replicas
    assert all(number >= 0 for number in decision.by_pool.values())
    assert not decision.by_pool or sum(decision.by_pool.values()) == decision.replicas
    assert all(map(math.isfinite, decision.values.values()))
    assert decision.message
    is_known = seen.traffic is not None and seen.quality in GOOD and seen.traffic.is_finite
    if not is_known and (seen.desired or seen.variants):
        assert decision.replicas >= min(seen.desired, bounds.max_replicas)


@settings(max_examples=200)
@given(st.lists(observations(), min_size=1, max_size=12))
def test_decisions_are_in_bounds_and_never_down_on_what_is_unknown(looks: list[Observation]) -> None:
    memory: Any = POLICY.initial_state(0.0)
    for seen in looks:
        decision, after = POLICY.decide(seen, memory)
        check(seen, decision)
        again, remembered = POLICY.decide(seen, memory)
        assert (again, repr(remembered)) == (decision, repr(after))  # unknown rates are not equal to themselves
        memory = after


@settings(max_examples=50)
@given(observations(), st.integers(3, 60))
def test_the_same_again_and_again_comes_to_rest(seen: Observation, times: int) -> None:
    """Nobody moves a number back and forth on the same signals."""
    memory: Any = POLICY.initial_state(seen.second)
    directions = []
    for index in range(times):
        look = replace(seen, second=seen.second + 15.0 * index)
        decision, memory = POLICY.decide(look, memory)
        check(look, decision)
        directions.append((decision.replicas > seen.desired) - (decision.replicas < seen.desired))
    settled = [one for one in directions[2:] if one]
    assert settled == sorted(settled) or settled == sorted(settled, reverse=True)


FAULTS: dict[str, dict[str, Any]] = {
    "good": {"traffic": traffic(60.0)},
    "missing": unknown(),
    "stale": unknown(quality=Reason.SIGNALS_STALE),
    "half": unknown(traffic=traffic(30.0, measured=3)),
    "not a number": {"traffic": traffic(60.0, arrivals_per_second=math.nan)},
    "infinite": {"traffic": traffic(60.0, waiting=math.inf)},
    "nothing seen": {"traffic": traffic(0.0, running=0.0), "quality": Reason.SIGNALS_MISSING},
    "standing still": {"traffic": traffic(0.0, running=90.0)},
    "without shares": {"traffic": traffic(60.0, ttft=None, tpot=None)},
    "no lengths": {"traffic": traffic(60.0, input_tokens=0.0, output_tokens=0.0)},
}


@settings(max_examples=50)
@given(st.lists(st.sampled_from(sorted(FAULTS)), min_size=1, max_size=120))
def test_bad_metrics_on_a_steady_load_move_nothing_back_and_forth(faults: list[str]) -> None:
    watch = Watch(POLICY, ready=6)
    watch.look(times=100, traffic=traffic(60.0))
    numbers = [watch.ready, *(watch.look(**FAULTS[fault]).replicas for fault in faults)]
    changes = [after - before for before, after in pairwise(numbers) if after != before]
    assert min(numbers) >= numbers[0] - 1
    assert max(numbers) <= numbers[0] + 1
    assert len(changes) <= 1
