"""What a look teaches of pools and of demand."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from modelmatrix.performance.engine_timing import EngineTiming
from modelmatrix.scaling.observation.observation import Variant
from modelmatrix.scaling.state.state import DemandEstimate, PoolEstimates
from modelmatrix.scaling.state.update import is_steady, update_demand, update_pool
from observations import LENGTHS, SLO, START, reading, traffic, variant

SLOWER = EngineTiming(0.024, 41e-6, 36e-9)


def pool(
    seen: Variant, known: PoolEstimates | None = None, *, second: float = 0.0, learns_timing: bool = True
) -> PoolEstimates:
    return update_pool(known, seen, LENGTHS, SLO, second, learns_timing=learns_timing)


def test_an_engine_that_is_slower_than_its_prior_is_found_out() -> None:
    known = pool(variant())
    before = known.capacity.requests_per_second
    for minute in range(30):
        known = pool(variant(engine=reading(5.0, timing=SLOWER)), known, second=60.0 * minute)
    assert known.capacity.requests_per_second < 0.85 * before


@pytest.mark.parametrize(
    "seen",
    [
        variant(),
        variant(engine=replace(reading(5.0), running=0.1)),
        variant(engine=replace(reading(5.0), step_seconds=0.0)),
        variant(engine=replace(reading(5.0, timing=SLOWER), step_seconds=nan)),
        variant(engine=replace(reading(5.0, timing=SLOWER), kv_usage_ratio=inf)),
        variant(4, settled=3, engine=reading(5.0, timing=SLOWER)),
    ],
    ids=["no reading", "idle", "no step", "not a number", "infinite", "young replicas"],
)
def test_a_reading_that_says_nothing_teaches_nothing(seen: Variant) -> None:
    known = pool(variant())
    assert pool(seen, known).fit is known.fit


def test_a_reading_is_taken_only_when_asked_for() -> None:
    known = pool(variant())
    assert pool(variant(engine=reading(5.0, timing=SLOWER)), known, learns_timing=False).fit is known.fit


def test_starts_are_remembered() -> None:
    known = pool(variant())
    assert known.start_seconds == START
    seen = tuple((100.0 * index, 300.0) for index in range(1, 6))
    after = pool(variant(observed_starts=seen), known)
    assert after.start_seconds == 300.0
    assert pool(variant(), after).start_seconds == 300.0


def test_the_fallback_is_there_where_the_slo_cannot_be_kept() -> None:
    hopeless = pool(variant(timing=EngineTiming(0.06, 41e-6, 36e-9)))
    assert hopeless.capacity.requests_per_second == 0.0
    assert hopeless.fallback is not None
    assert hopeless.fallback.requests_per_second > 0.0
    assert pool(variant()).fallback is None


def demand(seconds: int = 600, **fields: Any) -> DemandEstimate:
    known = DemandEstimate()
    for second in range(0, seconds, 15):
        known = update_demand(known, traffic(20.0, **fields), float(second), 210.0, None if second % 60 else 0.1)
    return known


def test_demand_is_remembered() -> None:
    known = demand()
    assert known.season.rate(450.0) is None  # a bin is known when it is over, and its neighbours are
    assert known.forecast.past[-1].rate == 20.0
    assert known.work.minutes == (0.1,) * 10
    assert known.dispersion.second == 570.0


def test_without_the_last_scrapes_bursts_stay_unknown() -> None:
    assert demand(arrivals_per_second_fast=None).dispersion == DemandEstimate().dispersion


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"arrivals_per_second_long": 50.0}, True),
        ({"arrivals_per_second_long": 30.0}, False),
        ({"waiting": 50.0}, False),
    ],
)
def test_means_of_a_minute_belong_together_when_it_was_steady(fields: dict[str, Any], *, expected: bool) -> None:
    assert is_steady(traffic(48.0, **fields)) is expected


def test_few_requests_are_steady_within_their_noise() -> None:
    assert is_steady(traffic(0.2, arrivals_per_second_long=0.25))
    assert not is_steady(traffic(0.2, arrivals_per_second_long=2.5))
