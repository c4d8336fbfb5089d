"""Replicas start, serve, drain and fail; no request is forgotten on the way, and devices are paid for."""

# ruff: noqa: S311 - seeded draws, no secrets

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming
from modelmatrix.simulation.cluster.fleet import Fleet
from modelmatrix.simulation.cluster.replica_set import Phase
from modelmatrix.simulation.cluster.router import Router
from modelmatrix.simulation.cluster.variant import StartTime, Variant
from modelmatrix.simulation.engine.replica import Replica
from modelmatrix.simulation.engine.request import Request

TIMING = EngineTiming(0.01, 1e-5, 1e-8)
LIMITS = EngineLimits(max_num_seqs=8, kv_tokens=10_000)
CHAT = Variant(name="a", timing=TIMING, limits=LIMITS, start=StartTime(100.0), devices_per_replica=2)
SPILL = Variant(name="b", timing=TIMING, limits=LIMITS, start=StartTime(10.0), devices_per_replica=8, weight=2.0)


def phases(fleet: Fleet) -> Counter[Phase]:
    return Counter(member.phase for member in fleet.replica_set.replicas.values())


def test_requests_wait_at_the_router_until_a_replica_is_ready() -> None:
    fleet = Fleet([CHAT], Random(1))
    fleet.scale_to({"a": 1})
    fleet.submit(Request(5.0, 10, 10))
    assert fleet.advance(99.0) == []
    assert (fleet.in_flight, phases(fleet)) == (1, {Phase.STARTING: 1})
    (done,) = fleet.advance(110.0)
    assert done.received_seconds == 100.0
    assert done.ttft_seconds > 95.0
    assert phases(fleet) == {Phase.READY: 1}


def test_least_load_spreads_and_weights_lean() -> None:
    fleet = Fleet([CHAT, SPILL], Random(1))
    fleet.start_warm({"a": 1, "b": 1})
    for _ in range(9):
        fleet.submit(Request(0.0, 10, 100))
    fleet.advance(0.05)
    loads = {name[0]: sample.running + sample.waiting for name, sample in fleet.samples().items()}
    assert loads == {"a": 3, "b": 6}


def test_draining_replicas_finish_what_they_have_and_hold_their_devices_until_then() -> None:
    fleet = Fleet([CHAT], Random(1))
    fleet.start_warm({"a": 2})
    for number in range(4):
        fleet.submit(Request(number / 100, 10, 500))
    fleet.advance(1.0)
    fleet.scale_to({"a": 0})
    assert phases(fleet) == {Phase.DRAINING: 2}
    assert fleet.replica_set.devices == 4
    fleet.submit(Request(1.5, 10, 1))
    assert len(fleet.advance(20.0)) == 4
    assert (fleet.replica_set.replicas, fleet.in_flight, fleet.lost) == ({}, 1, [])
    # 500 tokens at a little over 10 ms each, not until the end of the interval in which they finished.
    assert fleet.replica_set.device_seconds(20.0) == pytest.approx(4 * 5.03, rel=0.02)


def test_scaling_down_takes_starting_replicas_first_then_the_least_loaded() -> None:
    fleet = Fleet([CHAT], Random(1))
    fleet.start_warm({"a": 2})
    for second in (0.0, 0.01, 0.02):
        fleet.submit(Request(second, 10, 500))
    fleet.scale_to({"a": 3})
    fleet.scale_to({"a": 2})
    assert phases(fleet) == {Phase.READY: 2}
    fleet.scale_to({"a": 1})
    draining = [name for name, member in fleet.replica_set.replicas.items() if member.phase is Phase.DRAINING]
    assert draining == ["a-2"]


def test_a_drain_has_an_end() -> None:
    fleet = Fleet([CHAT], Random(1), drain_limit_seconds=1.0)
    fleet.start_warm({"a": 1})
    fleet.submit(Request(0.0, 10, 5000))
    fleet.advance(0.5)
    fleet.scale_to({"a": 0})
    fleet.advance(5.0)
    assert [request.output_tokens for request in fleet.lost] == [5000]
    assert fleet.replica_set.device_seconds(5.0) == pytest.approx(2 * 1.5)


def test_a_failed_replica_loses_its_requests_and_is_replaced() -> None:
    fleet = Fleet([CHAT], Random(1))
    fleet.start_warm({"a": 1})
    fleet.submit(Request(0.0, 10, 500))
    fleet.submit(Request(0.0, 10, 500))
    fleet.advance(1.0)
    fleet.fail("a-1")
    assert len(fleet.lost) == 2
    assert phases(fleet) == {Phase.STARTING: 1}
    fleet.advance(102.0)
    assert phases(fleet) == {Phase.READY: 1}


def test_a_slow_replica_is_slow() -> None:
    fleet = Fleet([CHAT], Random(1))
    fleet.start_warm({"a": 1})
    fleet.slow_down("a-1", 3.0)
    fleet.submit(Request(0.0, 10, 101))
    (done,) = fleet.advance(10.0)
    assert done.tpot_seconds == pytest.approx(0.03, rel=0.01)


def test_start_up_times_are_lognormal_around_their_median() -> None:
    random = Random(3)
    drawn = sorted(StartTime(100.0, 0.25).sample(random) for _ in range(4001))
    assert drawn[2000] == pytest.approx(100.0, rel=0.03)
    assert drawn[int(4001 * 0.841)] == pytest.approx(128.4, rel=0.03)
    assert StartTime(100.0).sample(random) == 100.0


def test_unknown_variants_are_a_programming_error() -> None:
    with pytest.raises(KeyError):
        Fleet([CHAT], Random(1)).scale_to({"nowhere": 1})


def test_two_choices_still_balance_and_need_a_seed() -> None:
    router = Router(choices=2, random=Random(4))
    replicas = [Replica(TIMING, EngineLimits(max_num_seqs=64, kv_tokens=10**6)) for _ in range(4)]
    for replica in replicas:
        router.add(replica, 0.0)
    for _ in range(100):
        router.submit(Request(0.0, 10, 100))
    assert max(replica.in_flight for replica in replicas) <= 30
    with pytest.raises(ValueError, match="seeded"):
        Router(choices=2)


def test_what_never_fits_is_rejected() -> None:
    fleet = Fleet([CHAT], Random(1))
    fleet.start_warm({"a": 1})
    fleet.submit(Request(0.0, 10_000, 1))
    assert (len(fleet.router.rejected), fleet.in_flight) == (1, 0)


events = st.lists(
    st.tuples(st.floats(0, 30), st.sampled_from(["offer"] * 6 + ["scale", "fail", "advance"]), st.integers(0, 3)),
    max_size=40,
)


@given(events=events)
def test_every_request_is_somewhere(events: list[tuple[float, str, int]]) -> None:
    fleet, now, offered, finished = Fleet([CHAT, SPILL], Random(1), drain_limit_seconds=20.0), 0.0, 0, 0
    for gap, kind, number in events:
        now += gap
        if kind == "offer":
            fleet.submit(Request(now, 100, 400 * number))
            offered += 1
            continue
        finished += len(fleet.advance(now))
        if kind == "scale":
            fleet.scale_to({"a": number, "b": 3 - number})
        elif kind == "fail" and fleet.replica_set.replicas:
            fleet.fail(sorted(fleet.replica_set.replicas)[number % len(fleet.replica_set.replicas)])
        assert offered == finished + fleet.in_flight + len(fleet.lost) + len(fleet.router.rejected)
        alive = [one for one in fleet.replica_set.replicas.values() if one.phase is not Phase.DRAINING]
        assert Counter(one.variant.name for one in alive) == Counter(fleet.replica_set.desired)
        assert fleet.replica_set.devices == sum(one.variant.devices_per_replica for one in fleet.replica_set.replicas.values())
