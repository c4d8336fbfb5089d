"""The policy as a whole: what it does when signals are good, when they are bad, and after a restart."""

from __future__ import annotations

import itertools
import math

import pytest

from modelmatrix.api.reasons import Reason
from modelmatrix.performance.engine_timing import EngineTiming, SloBounds
from modelmatrix.scaling.observation.observation import BoundAttainment, History
from modelmatrix.scaling.policy import SloPolicy
from observations import CAPACITY, LENGTHS, START, Watch, observation, reading, traffic, unknown, variant

POLICY = SloPolicy()
DAY = 86400.0


def settled(rate: float, **fields: object) -> Watch:
    """A deployment that has served a rate for so long that the policy has come to rest."""
    watch = Watch(POLICY, ready=math.ceil(rate / CAPACITY) + 1, **fields)
    watch.look(times=80, traffic=traffic(rate))
    return watch


def test_the_number_follows_from_arrivals_capacity_and_margin() -> None:
    decision = settled(60.0).decision
    assert decision is not None
    assert 60.0 / CAPACITY < decision.replicas <= math.ceil(1.5 * 60.0 / CAPACITY)
    assert decision.reason is Reason.STEADY
    assert "60 requests/s" in decision.message
    assert f"a replica serves {CAPACITY:.3g} within the SLO" in decision.message
    assert decision.values["capacityPerSecond"] == pytest.approx(CAPACITY, rel=0.01)
    assert decision.by_pool == {"a": decision.replicas}


def test_a_rising_load_is_met_ahead_of_time() -> None:
    watch = settled(30.0)
    before = watch.ready
    for step in range(40):
        decision = watch.look(traffic=traffic(30.0 + step))
    assert decision.values["forecastPerSecond"] > 69.0
    assert decision.replicas > before
    assert decision.replicas * CAPACITY > decision.values["forecastPerSecond"]
    assert "forecast in 210 s" in decision.message


def test_growth_says_from_what_to_what_and_why() -> None:
    watch = settled(30.0)
    decision = watch.look(traffic=traffic(90.0))
    assert decision.reason is Reason.LOAD_RISING
    assert decision.message.startswith(f"{math.ceil(30 / CAPACITY) + 1} -> {decision.replicas}: ")


def test_a_burst_is_met_with_what_the_last_scrapes_show() -> None:
    watch = settled(30.0)
    decision = watch.look(traffic=traffic(33.0, arrivals_per_second_fast=120.0, waiting=40.0))
    assert decision.replicas >= 120.0 / CAPACITY
    assert "burst of 120 requests/s with 40 in the queue" in decision.message


def test_a_burst_does_not_run_away() -> None:
    watch = settled(10.0, max_replicas=1000)
    decision = watch.look(traffic=traffic(10.0, arrivals_per_second_fast=1e6, waiting=1e6))
    assert decision.replicas <= 4 * 4


def test_a_falling_load_takes_replicas_away_late_and_few_at_once() -> None:
    watch = settled(100.0)
    numbers = [watch.ready, *(watch.look(traffic=traffic(10.0)).replicas for _ in range(60))]
    waited = next(index for index, number in enumerate(numbers) if number < numbers[0])
    assert waited * 15.0 >= START
    assert all(after >= before - max(1, before // 4) for before, after in itertools.pairwise(numbers))
    drops = [index for index, (a, b) in enumerate(itertools.pairwise(numbers)) if b < a]
    assert all(later - earlier >= 4 for earlier, later in itertools.pairwise(drops))
    assert numbers[-1] <= 2
    assert sorted(numbers, reverse=True) == numbers


def test_a_replica_is_kept_that_would_soon_have_to_start_again() -> None:
    watch = settled(60.0)
    numbers = {watch.look(traffic=traffic(60.0 + 2.0 * (-1.0) ** step)).replicas for step in range(200)}
    assert len(numbers) <= 2


@pytest.mark.parametrize("quality", [Reason.SIGNALS_MISSING, Reason.SIGNALS_STALE, Reason.PROMETHEUS_UNAVAILABLE])
def test_what_is_unknown_holds_and_says_why(quality: Reason) -> None:
    watch = settled(60.0)
    before = watch.ready
    decision = watch.look(times=200, **unknown(quality=quality, quality_message="the oldest sample is 400 s old"))
    assert decision.replicas == before
    assert decision.reason is quality
    assert decision.message == f"{before}: the oldest sample is 400 s old"


def test_after_an_outage_a_full_window_is_awaited() -> None:
    watch = settled(60.0)
    before = watch.ready
    watch.look(times=40, **unknown())
    assert watch.look(times=int(START / 15) - 1, traffic=traffic(1.0)).replicas == before
    assert watch.look(times=8, traffic=traffic(1.0)).replicas < before


def test_a_gateway_adds_replicas_while_engines_are_not_seen() -> None:
    watch = settled(20.0)
    before = watch.ready
    assert watch.look(**unknown(gateway_per_second=5.0)).replicas == before
    assert watch.look(**unknown(gateway_per_second=100.0)).replicas > 100.0 / CAPACITY


def test_replicas_that_are_not_measured_count_as_full() -> None:
    watch = settled(60.0)
    before = watch.ready
    half = traffic(30.0, measured=before // 2)
    assert watch.look(times=60, **unknown(traffic=half)).replicas == before
    overloaded = traffic(2.0 * CAPACITY * (before // 2), measured=before // 2)
    decision = watch.look(**unknown(traffic=overloaded))
    assert before < decision.replicas <= 2 * before


def test_replicas_that_are_not_measured_do_not_multiply() -> None:
    watch = settled(60.0)
    before = watch.ready
    for _ in range(100):
        some = traffic(CAPACITY * 0.8 * before / watch.ready, measured=max(1, watch.ready // 3))
        watch.look(**unknown(traffic=some))
    assert watch.ready <= before + 1


def test_young_replicas_serve_their_share_unseen() -> None:
    watch = settled(60.0)
    seen = traffic(60.0 * 0.75, measured=round(watch.ready * 0.75))
    decision = watch.look(traffic=seen)
    assert decision.values["arrivalsPerSecond"] == pytest.approx(60.0, rel=0.1)


def test_nothing_goes_while_a_young_replica_is_not_measured() -> None:
    watch = settled(60.0)
    before = watch.ready
    assert watch.look(times=100, traffic=traffic(5.0, measured=before - 1)).replicas == before


def test_proven_idleness_shrinks_to_the_least() -> None:
    watch = settled(60.0)
    idle = {"quality": Reason.NO_TRAFFIC, "traffic": traffic(0.0, running=0.0)}
    decision = watch.look(times=100, **idle)
    assert (decision.replicas, decision.reason) == (1, Reason.NO_TRAFFIC)


def test_the_last_replica_goes_only_after_long_silence() -> None:
    watch = settled(5.0, min_replicas=0)
    idle = {"quality": Reason.NO_TRAFFIC, "traffic": traffic(0.0, running=0.0)}
    assert watch.look(times=39, **idle).replicas == 1
    assert watch.look(times=40, **idle).replicas == 0


def test_the_last_replica_stays_when_traffic_is_due() -> None:
    rates = tuple(30.0 if index % 288 == 0 else 0.0 for index in range(1, 300))
    memory = POLICY.restore_state(History(first_second=0.0, step_seconds=300.0, arrivals_per_second=rates), 0.0)
    watch = Watch(POLICY, ready=1, second=2 * DAY - 600.0, min_replicas=0)
    watch.memory = memory
    idle = {"quality": Reason.NO_TRAFFIC, "traffic": traffic(0.0, running=0.0)}
    assert {watch.look(**idle).replicas for _ in range(36)} == {1}


def test_a_sleeping_deployment_sleeps_on_and_wakes_by_a_gateway() -> None:
    watch = Watch(POLICY, ready=0, min_replicas=0)
    asleep = watch.look(times=10, **unknown())
    assert (asleep.replicas, asleep.reason) == (0, Reason.SCALED_TO_ZERO)
    assert watch.look(**unknown(gateway_per_second=0.0)).replicas == 0
    awake = watch.look(**unknown(gateway_per_second=30.0))
    assert awake.replicas > 30.0 / CAPACITY
    assert "the gateway counts 30 requests/s" in awake.message


def test_a_sleeping_deployment_wakes_for_its_schedule() -> None:
    watch = Watch(POLICY, ready=0, min_replicas=0)
    assert watch.look(times=10, **unknown()).replicas == 0
    decision = watch.look(floor=3, window="office", **unknown())
    assert (decision.replicas, decision.reason) == (3, Reason.SCHEDULED_FLOOR)
    assert decision.message.startswith("0 -> 3: schedule window office requires 3")
    assert watch.look(times=300, floor=3, window="office", **unknown()).replicas == 3
    assert decision.longest_start_seconds == START


def test_a_pages_standstill_holds() -> None:
    """Nothing arrives or finishes, and yet requests run: the page stands still, or the engine does."""
    watch = settled(60.0)
    before = watch.ready
    decision = watch.look(times=200, traffic=traffic(0.0, running=70.0, waiting=3.0))
    assert decision.replicas == before
    assert "73 requests are in flight, and none arrived or finished for a minute" in decision.message


def test_a_slow_node_does_not_make_the_margin_run_away() -> None:
    watch = settled(30.0)
    before = watch.ready
    slow = BoundAttainment(requests=3600.0, within=2900.0)
    for _ in range(500):
        watch.look(traffic=traffic(30.0, tpot=slow), variants=(variant(max(watch.ready, 8)),))
    assert watch.ready <= before + 4


def test_first_looks_hold() -> None:
    for rate in (0.1, 500.0):
        watch = Watch(POLICY, ready=5)
        first, second = watch.look(traffic=traffic(rate)), watch.look(traffic=traffic(rate))
        assert first.replicas == second.replicas == 5
        assert first.message == "5: first samples after the operator's start"


def test_after_a_restart_nothing_goes_until_a_window_was_seen() -> None:
    watch = Watch(POLICY, ready=9)
    for _ in range(int(START / 15)):
        assert watch.look(traffic=traffic(1.0)).replicas == 9
    assert watch.look(times=8, traffic=traffic(1.0)).replicas < 9


def test_bounds_are_kept_and_told() -> None:
    watch = settled(60.0)
    most = watch.look(max_replicas=3, traffic=traffic(60.0))
    assert (most.replicas, most.reason) == (3, Reason.BOUNDS_CHANGED)
    assert "exceeds maxReplicas 3" in most.message
    least = watch.look(min_replicas=9, traffic=traffic(60.0))
    assert (least.replicas, least.reason) == (9, Reason.BOUNDS_CHANGED)
    assert "is below minReplicas 9" in least.message


def test_more_is_asked_for_than_there_is_room_for() -> None:
    """Who needs more than is free must say so: lower priorities give way then."""
    watch = settled(30.0)
    decision = watch.look(traffic=traffic(120.0), variants=(variant(watch.ready, room=0),))
    assert decision.replicas > 120.0 / CAPACITY


def test_where_no_pool_keeps_the_slo_throughput_counts() -> None:
    slow = variant(2, timing=EngineTiming(0.06, 41e-6, 36e-9))
    decision = Watch(POLICY, variants=(slow,)).look(times=40, traffic=traffic(10.0))
    assert "misses the SLO even without load" in decision.message
    assert decision.replicas >= 2


def test_where_no_pool_can_hold_a_request_the_number_stays() -> None:
    tiny = variant(3, limits=variant().limits.__class__(max_num_seqs=8, kv_tokens=100))
    for variants in ((tiny,), ()):
        decision, _ = POLICY.decide(observation(variants=variants, desired=3), POLICY.initial_state(0.0))
        assert (decision.replicas, decision.reason) == (3, Reason.SLO_INFEASIBLE)


def test_without_any_bound_throughput_counts() -> None:
    decision = Watch(POLICY, slo=SloBounds()).look(times=60, traffic=traffic(40.0, ttft=None, tpot=None))
    assert decision.replicas >= 3


def test_a_learned_engine_changes_the_number() -> None:
    slower = EngineTiming(0.025, 60e-6, 50e-9)
    watch = Watch(POLICY, ready=6)
    for _ in range(200):
        engine = reading(30.0 / watch.ready, timing=slower)
        watch.look(traffic=traffic(30.0), variants=(variant(watch.ready, engine=engine),))
    assert watch.decision is not None
    learned = watch.decision.values["capacityPerSecond"]
    assert learned == pytest.approx(slower.tpot_capacity(0.05, LENGTHS), rel=0.15)
