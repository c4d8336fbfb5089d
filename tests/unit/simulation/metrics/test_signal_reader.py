"""What the operator reads from scraped samples: its own reader, on the vectors that the simulator computes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import nan
from random import Random

import pytest

from modelmatrix.api.reasons import Reason
from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming, SloBounds
from modelmatrix.signals.reading import SignalReading
from modelmatrix.simulation.cluster.environment import RequestEnvironment
from modelmatrix.simulation.cluster.fleet import Fleet
from modelmatrix.simulation.cluster.policy import Observation, ReplicaView
from modelmatrix.simulation.cluster.replica_set import Phase
from modelmatrix.simulation.cluster.variant import StartTime, Variant
from modelmatrix.simulation.engine.request import Request
from modelmatrix.simulation.metrics.scraper import FaultKind, MetricsFault, Scraper
from modelmatrix.simulation.metrics.signal_reader import SignalReader, replica_targets
from modelmatrix.simulation.run import RunOptions, simulate

# ruff: noqa: S311 - seeded draws, no secrets

SLO = SloBounds(ttft_seconds=1.0, tpot_seconds=0.05, e2e_seconds=20.0)
CHAT = Variant(
    name="a",
    timing=EngineTiming(0.01, 1e-5, 1e-8),
    limits=EngineLimits(max_num_seqs=64, kv_tokens=1_000_000),
    start=StartTime(100.0),
)


class Watching:
    """A policy that remembers the last thing it saw."""

    name = "watching"

    def __init__(self, orders: Mapping[float, int] | None = None) -> None:
        self.orders = orders or {}
        self.seen: list[Observation] = []

    def decide(self, observation: Observation) -> Mapping[str, int]:
        self.seen.append(observation)
        number = self.orders.get(observation.second)
        return {} if number is None else {"a": number}


def watched(
    seconds: float = 900.0,
    *,
    rate: float = 4.0,
    replicas: int = 2,
    orders: Mapping[float, int] | None = None,
    faults: tuple[MetricsFault, ...] = (),
) -> list[Observation]:
    """What is seen of replicas that serve equal requests at a steady pace."""
    fleet = Fleet([CHAT], Random(1))
    fleet.start_warm({"a": replicas})
    requests = [Request(index / rate, 400, 50, 0.25) for index in range(int(rate * seconds))]
    policy = Watching(orders)
    environment = RequestEnvironment(fleet, requests, SLO)
    simulate(policy, environment, RunOptions(tick_seconds=15.0), scraper=Scraper(faults=faults))
    return policy.seen


def readings(observations: Iterable[Observation], slo: SloBounds = SLO) -> list[SignalReading]:
    """What one reader makes of one observation after the other."""
    reader = SignalReader(slo)
    return [reader.read(one, replica_targets(one)) for one in observations]


def read(observation: Observation, slo: SloBounds = SLO) -> SignalReading:
    """What a reader makes of its first observation: a policy that was restarted has no earlier ones."""
    return readings([observation], slo)[0]


def last(**fields: object) -> SignalReading:
    return readings(watched(**fields))[-1]  # type: ignore[arg-type]


def test_traffic_in_numbers() -> None:
    reading = last()
    traffic = reading.traffic
    assert (reading.quality, reading.message) == (Reason.SIGNALS_FRESH, "2 replicas are measured")
    assert traffic is not None
    assert traffic.arrivals_per_second == pytest.approx(4.0, rel=0.1)
    assert traffic.arrivals_per_second_long == pytest.approx(4.0, rel=0.05)
    assert traffic.arrivals_per_second_fast == pytest.approx(4.0, rel=0.15)
    assert (traffic.input_tokens, traffic.output_tokens) == (pytest.approx(400.0), pytest.approx(50.0))
    assert traffic.hit_ratio == pytest.approx(0.25)
    assert traffic.measured is None
    for share in (traffic.ttft, traffic.tpot, traffic.e2e):
        assert share is not None
        assert share.requests == share.within == pytest.approx(480.0, rel=0.05)


def test_the_engine_in_numbers() -> None:
    """The median engine gives the same as the closed form."""
    engine = last().engines["a"]
    assert engine.step_seconds == pytest.approx(CHAT.timing.alpha_seconds, rel=0.1)
    assert engine.prompt_tokens_per_second == pytest.approx(2.0 * 300.0, rel=0.15)
    assert engine.running == pytest.approx(2.0 * 50.0 * 0.0105, rel=0.6)


def test_a_reader_that_was_restarted_reads_the_same_arrivals() -> None:
    observations = watched()
    once, always = read(observations[-1]).traffic, readings(observations)[-1].traffic
    assert once is not None
    assert always is not None
    assert once.arrivals_per_second_long == always.arrivals_per_second_long


def test_silence_is_proven() -> None:
    quiet = [replace(sample, running=0.0, waiting=0.0) for sample in next(iter(watched()[-1].samples.values()))]
    still = [replace(quiet[-1], second=sample.second) for sample in quiet]
    view = ReplicaView("a-1", "a", Phase.READY, 0.0, 0.0)
    reading = read(Observation(second=still[-1].second, desired={"a": 1}, replicas=(view,), samples={"a-1": still}))
    assert reading.quality is Reason.NO_TRAFFIC
    assert reading.traffic is not None
    assert reading.traffic.is_idle


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (FaultKind.LOST, "1 of 2 ready replicas cannot be scraped (a-1): see the error of the target in Prometheus"),
        (FaultKind.NAN, "Prometheus has no usable number of running requests: see the replicas' metrics pages"),
    ],
)
def test_one_replica_of_two_that_is_not_seen_is_missing(kind: FaultKind, words: str) -> None:
    reading = last(faults=(MetricsFault(kind, 600.0, 2000.0, "a-1"),))
    assert (reading.quality, reading.message) == (Reason.SIGNALS_MISSING, words)


def test_a_scrape_that_fails_is_known_at_once() -> None:
    looks = watched(faults=(MetricsFault(FaultKind.LOST, 600.0, 601.0, "a-1"),))
    qualities = {look.second: reading.quality for look, reading in zip(looks, readings(looks), strict=True)}
    assert [qualities[second] for second in (585.0, 600.0, 615.0)] == [
        Reason.SIGNALS_FRESH,
        Reason.SIGNALS_MISSING,
        Reason.SIGNALS_FRESH,
    ]


def test_a_lost_replica_leaves_what_the_other_shows() -> None:
    reading = last(faults=(MetricsFault(FaultKind.LOST, 600.0, 2000.0, "a-1"),))
    assert reading.traffic is not None
    assert reading.traffic.measured == 1
    assert reading.traffic.arrivals_per_second < 3.0


def test_after_a_gap_the_past_is_short() -> None:
    """Prometheus knows less than the long window again, until it has passed."""
    looks = watched(1200.0, faults=(MetricsFault(FaultKind.LOST, 600.0, 900.0),))
    by_second = {look.second: reading for look, reading in zip(looks, readings(looks), strict=True)}
    assert "are known to Prometheus for less than the last 180 s" in by_second[960.0].message
    assert by_second[1080.0].quality is Reason.SIGNALS_FRESH


def test_nothing_that_is_seen_is_no_traffic() -> None:
    reading = last(faults=(MetricsFault(FaultKind.LOST, 600.0, 2000.0),))
    assert (reading.quality, reading.traffic) == (Reason.SIGNALS_MISSING, None)


def test_gauges_that_are_no_number_are_no_traffic() -> None:
    observation = watched()[-1]
    broken = {name: [replace(one, running=nan) for one in samples] for name, samples in observation.samples.items()}
    broken["a-1"] = [*broken["a-1"][:-1], observation.samples["a-1"][-1]]
    assert read(replace(observation, samples=broken)).traffic is None


def test_a_young_replica_need_not_be_measured_yet() -> None:
    looks = watched(orders={600.0: 3})
    young = next(look for look in looks if sum(one.phase is Phase.READY for one in look.replicas) == 3)
    reading = read(replace(young, samples={name: kept for name, kept in young.samples.items() if name != "a-3"}))
    assert reading.quality is Reason.SIGNALS_FRESH
    assert reading.traffic is not None
    assert reading.traffic.measured == 2


def test_replicas_that_just_start_prove_nothing() -> None:
    assert readings(watched())[1].quality is Reason.REPLICA_STARTING


def test_replicas_that_are_gone_leave_what_they_did_but_not_what_they_have() -> None:
    looks = [look for look in watched(orders={600.0: 1}) if look.second <= 660.0]
    after, reading = looks[-1], readings(looks)[-1]
    assert (len(after.samples), len(after.replicas)) == (2, 1)
    assert reading.quality is Reason.SIGNALS_FRESH
    assert reading.traffic is not None
    assert reading.traffic.arrivals_per_second_long == pytest.approx(4.0, rel=0.1)
    assert reading.traffic.running <= 4.0


def test_without_replicas_nothing_is_known() -> None:
    reading = read(Observation(second=0.0, desired={"a": 0}, replicas=(), samples={}))
    assert (reading.quality, reading.message) == (Reason.SCALED_TO_ZERO, "no replica, no signals")


def shares(slo: SloBounds) -> tuple[bool, bool, bool]:
    traffic = read(watched()[-1], slo).traffic
    assert traffic is not None
    return traffic.ttft is not None, traffic.tpot is not None, traffic.e2e is not None


@pytest.mark.parametrize(
    ("slo", "expected"),
    [
        (SLO, (True, True, True)),
        (SloBounds(ttft_seconds=1.0), (True, False, False)),
        (SloBounds(tpot_seconds=0.001), (False, False, False)),
        (SloBounds(), (False, False, False)),
    ],
    ids=["all", "one", "below every bucket", "none"],
)
def test_shares_are_of_the_bounds_that_there_are(slo: SloBounds, expected: tuple[bool, bool, bool]) -> None:
    assert shares(slo) == expected


def test_a_bound_between_buckets_counts_at_the_lower_one() -> None:
    observation = watched()[-1]
    exact, between = (read(observation, SloBounds(ttft_seconds=bound)) for bound in (0.01, 0.0199))
    assert exact.traffic is not None
    assert between.traffic is not None
    assert exact.traffic.ttft == between.traffic.ttft
    assert "ttft is counted at 10 ms, the largest histogram bound below 19.9 ms" in between.bound_message


def test_each_look_is_like_the_last() -> None:
    """A steady run reads the same at every look."""
    looks = watched()
    steady = [reading for look, reading in zip(looks, readings(looks), strict=True) if look.second >= 300.0]
    assert {one.quality for one in steady} == {Reason.SIGNALS_FRESH}
    rates = [one.traffic.arrivals_per_second for one in steady if one.traffic]
    assert max(rates) < 1.2 * min(rates)
