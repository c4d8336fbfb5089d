"""Workloads: the same for the same seed, as many requests as asked for, shapes where they belong."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.scenarios.arrivals import CountedTrace, Overlay, SteppedArrivals, Tokens
from benchmark.scenarios.length_shifts import LengthMix, ShiftingLengths, mooncake_lengths
from benchmark.scenarios.scenario import Scenario
from benchmark.scenarios.servegen_counts import ClientMix
from benchmark.scenarios.windows import WorkloadPart, steepest
from benchmark.scenarios.workloads import CODE_TOKENS, MONDAY, coding, one_model

TOKENS = Tokens(input=100, output=10)
HOUR = 3600
TRACES = [
    SteppedArrivals(steps=((600, 2.0), (300, 5.0)), tokens=TOKENS),
    coding(first_second=MONDAY, seconds=HOUR),
    ClientMix(tokens=TOKENS, clients=(56,), first_day=6, factor=0.1),
    ShiftingLengths(seconds=600, rate=2.0, kinds=(LengthMix(0, 1.0, 0.0),)),
]


@pytest.mark.parametrize("arrivals", TRACES, ids=lambda one: type(one).__name__)
def test_the_seed_decides(arrivals: SteppedArrivals) -> None:
    assert np.array_equal(arrivals.per_second(1), arrivals.per_second(1))
    assert not np.array_equal(arrivals.per_second(1), arrivals.per_second(2))


@pytest.mark.parametrize("arrivals", TRACES, ids=lambda one: type(one).__name__)
def test_single_requests_are_those_of_the_seconds(arrivals: SteppedArrivals) -> None:
    requests = list(arrivals.requests(3))
    seconds = np.bincount([int(one.arrival_seconds) for one in requests], minlength=len(arrivals.per_second(3)))
    assert np.array_equal(seconds, arrivals.per_second(3))
    assert requests == sorted(requests, key=lambda one: one.arrival_seconds)


def test_counts_are_kept_and_multiplied() -> None:
    once, thrice = coding(factor=1.0, seconds=HOUR), coding(factor=3.0, seconds=HOUR)
    assert thrice.per_second(1).sum() == pytest.approx(3 * once.per_second(1).sum(), rel=0.001)


def test_an_overlay_multiplies_its_seconds_only() -> None:
    rate = np.full(100, 2.0)
    Overlay(start_second=10, duration_seconds=20, factor=3.0).apply(rate)
    assert rate[:10].tolist() == [2.0] * 10
    assert rate[10:30].tolist() == [6.0] * 20
    assert rate[30:].tolist() == [2.0] * 70


def test_an_overlay_can_decay() -> None:
    rate = np.ones(100)
    Overlay(start_second=0, duration_seconds=100, factor=5.0, decay_seconds=10.0).apply(rate)
    assert rate[0] == 5.0
    assert rate[10] == pytest.approx(1.0 + 4.0 / np.e)
    assert rate[99] == pytest.approx(1.0, abs=0.001)


def test_flashes_are_as_many_as_asked_for_and_elsewhere_with_another_seed() -> None:
    calm = coding(first_second=MONDAY, seconds=172_800)
    flashing = coding(first_second=MONDAY, seconds=172_800, flashes=10)
    added = flashing.per_second(1).sum() - calm.per_second(1).sum()
    assert added > 0
    minutes = (flashing.per_second(1).reshape(-1, 60).sum(axis=1) > 2.0 * calm.per_second(1).reshape(-1, 60).sum(axis=1)).sum()
    assert 35 <= minutes <= 55
    assert flashing.per_second(1).argmax() != flashing.per_second(2).argmax()


def test_a_client_is_as_busy_as_published() -> None:
    arriving = ClientMix(tokens=TOKENS, clients=(56,), first_day=6, days=1).per_second(1)
    assert arriving.mean() == pytest.approx(1.66, abs=0.02)


def test_lengths_shift_evenly_between_kinds() -> None:
    shifting = ShiftingLengths(
        seconds=400, rate=1.0, kinds=(LengthMix(0, 0.25, 0.6), LengthMix(100, 0.25, 0.6), LengthMix(300, 1.0, 0.0))
    )
    assert shifting.at(50) == (0.25, 0.6)
    assert shifting.at(200) == (pytest.approx(0.625), pytest.approx(0.3))
    assert shifting.at(399) == (1.0, 0.0)


def test_lengths_are_mooncakes() -> None:
    assert np.mean([prompt for prompt, _ in mooncake_lengths()]) == pytest.approx(12_035, rel=0.001)
    assert np.mean([output for _, output in mooncake_lengths()]) == pytest.approx(343, rel=0.01)


def test_a_part_is_what_it_was_in_the_whole() -> None:
    whole = CountedTrace(file=coding().file, tokens=CODE_TOKENS, seconds=HOUR)
    part = WorkloadPart(whole=whole, start=600, seconds=300)
    assert np.array_equal(part.per_second(1), whole.per_second(1)[600:900])
    assert len(list(part.requests(1))) == part.per_second(1).sum()


def test_the_steepest_hour_of_stairs_is_around_the_step() -> None:
    stairs = SteppedArrivals(steps=((5400, 1.0), (5400, 20.0)), tokens=TOKENS)
    scenario = Scenario(id="", title="", seconds=10_800, deployments=(one_model(stairs, TOKENS),))
    (deployment,) = steepest(scenario).deployments
    assert isinstance(deployment.arrivals, WorkloadPart)
    assert deployment.arrivals.start <= 5400 <= deployment.arrivals.start + 3600
