"""What the operator makes of scraped samples: the same as from its own queries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import nan
from random import Random

import pytest

from modelmatrix.api.reasons import Reason
from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming, SloBounds
from modelmatrix.simulation.cluster.environment import RequestEnvironment
from modelmatrix.simulation.cluster.fleet import Fleet
from modelmatrix.simulation.cluster.policy import Observation, ReplicaView
from modelmatrix.simulation.cluster.replica_set import Phase
from modelmatrix.simulation.cluster.variant import StartTime, Variant
from modelmatrix.simulation.engine.request import Request
from modelmatrix.simulation.engine.samples import EngineSample
from modelmatrix.simulation.metrics.scraper import FaultKind, MetricsFault, Scraper
from modelmatrix.simulation.metrics.signals import Signals, signals_of
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


def last(**fields: object) -> Signals:
    return signals_of(watched(**fields)[-1], SLO)  # type: ignore[arg-type]


def test_traffic_in_numbers() -> None:
    found = last()
    traffic = found.traffic
    assert (found.quality, found.message) == (Reason.SIGNALS_FRESH, "2 replicas are measured")
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
    """The middle engine tells the same as the closed form."""
    reading = last().engines["a"]
    assert reading.step_seconds == pytest.approx(CHAT.timing.alpha_seconds, rel=0.1)
    assert reading.prompt_tokens_per_second == pytest.approx(2.0 * 300.0, rel=0.15)
    assert reading.running == pytest.approx(2.0 * 50.0 * 0.0105, rel=0.6)


def test_a_page_that_sums_over_replicas_says_the_same() -> None:
    seen = watched()[-1]
    pages = list(seen.samples.values())
    together = tuple(sum_of(group) for group in zip(*pages, strict=True))
    fleet = signals_of(replace(seen, samples={"a": together}), SLO)
    single = signals_of(seen, SLO)
    assert fleet.traffic is not None
    assert single.traffic is not None
    assert fleet.quality is single.quality
    assert fleet.traffic.arrivals_per_second == pytest.approx(single.traffic.arrivals_per_second)
    assert fleet.engines["a"].prompt_tokens_per_second == pytest.approx(single.engines["a"].prompt_tokens_per_second, rel=0.05)


def sum_of(pages: tuple[EngineSample, ...]) -> EngineSample:
    """What ``sum by (variant)`` gives; KV usage is a mean."""
    total = pages[0]
    for page in pages[1:]:
        total = total.plus(page)
    return replace(total, kv_usage_ratio=total.kv_usage_ratio / len(pages))


def test_silence_is_proven() -> None:
    quiet = [replace(sample, running=0.0, waiting=0.0) for sample in next(iter(watched()[-1].samples.values()))]
    still = [replace(quiet[-1], second=sample.second) for sample in quiet]
    view = ReplicaView("a-1", "a", Phase.READY, 0.0, 0.0)
    found = signals_of(Observation(second=still[-1].second, desired={"a": 1}, replicas=(view,), samples={"a-1": still}), SLO)
    assert found.quality is Reason.NO_TRAFFIC
    assert found.traffic is not None
    assert found.traffic.is_idle


@pytest.mark.parametrize("kind", [FaultKind.LOST, FaultKind.NAN])
def test_one_replica_of_two_that_is_not_seen_is_missing(kind: FaultKind) -> None:
    found = last(faults=(MetricsFault(kind, 600.0, 2000.0, "a-1"),))
    assert (found.quality, found.message) == (Reason.SIGNALS_MISSING, "1 of 2 replicas are measured")
    assert found.engines == {}


def test_a_lost_replica_leaves_what_the_other_shows() -> None:
    found = last(faults=(MetricsFault(FaultKind.LOST, 600.0, 2000.0, "a-1"),))
    assert found.traffic is not None
    assert found.traffic.measured == 1
    assert found.traffic.arrivals_per_second < 3.0


def test_nothing_that_is_seen_is_no_traffic() -> None:
    found = last(faults=(MetricsFault(FaultKind.LOST, 600.0, 2000.0),))
    assert (found.quality, found.traffic) == (Reason.SIGNALS_MISSING, None)


def test_gauges_that_are_no_number_are_no_traffic() -> None:
    seen = watched()[-1]
    broken = {name: [replace(one, running=nan) for one in samples] for name, samples in seen.samples.items()}
    broken["a-1"] = [*broken["a-1"][:-1], seen.samples["a-1"][-1]]
    assert signals_of(replace(seen, samples=broken), SLO).traffic is None


def test_a_young_replica_need_not_be_measured_yet() -> None:
    looks = watched(orders={600.0: 3})
    young = next(seen for seen in looks if sum(one.phase is Phase.READY for one in seen.replicas) == 3)
    hidden = replace(young, samples={name: kept for name, kept in young.samples.items() if name != "a-3"})
    found = signals_of(hidden, SLO)
    assert found.quality is Reason.SIGNALS_FRESH
    assert found.traffic is not None
    assert found.traffic.measured == 2


def test_replicas_that_are_gone_leave_what_they_did_but_not_what_they_have() -> None:
    looks = watched(orders={600.0: 1})
    after = next(seen for seen in looks if seen.second >= 615.0 and len(seen.replicas) == 1)
    found = signals_of(after, SLO)
    assert len(after.samples) == 2
    assert found.traffic is not None
    assert found.traffic.arrivals_per_second_long == pytest.approx(4.0, rel=0.1)
    assert found.traffic.running <= 4.0


def test_without_replicas_nothing_is_known() -> None:
    found = signals_of(Observation(second=0.0, desired={"a": 0}, replicas=(), samples={}), SLO)
    assert (found.quality, found.message) == (Reason.SIGNALS_MISSING, "0 of 0 replicas are measured")


def shares(slo: SloBounds) -> tuple[bool, bool, bool]:
    traffic = signals_of(watched()[-1], slo).traffic
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
    seen = watched()[-1]
    exact, between = (signals_of(seen, SloBounds(ttft_seconds=bound)).traffic for bound in (0.01, 0.0199))
    assert exact is not None
    assert between is not None
    assert exact.ttft == between.ttft


def test_each_look_is_like_the_last() -> None:
    """No look of a steady run tells another story."""
    reads: Callable[[Observation], Signals] = lambda seen: signals_of(seen, SLO)  # noqa: E731 - a name for a lambda
    steady = [reads(seen) for seen in watched() if seen.second >= 300.0]
    assert {one.quality for one in steady} == {Reason.SIGNALS_FRESH}
    rates = [one.traffic.arrivals_per_second for one in steady if one.traffic]
    assert max(rates) < 1.2 * min(rates)
