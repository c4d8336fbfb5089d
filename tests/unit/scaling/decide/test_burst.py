"""Bursts: when there is one, and what gets out of it."""

from __future__ import annotations

from typing import Any

import pytest

from modelmatrix.performance.engine_timing import SloBounds
from modelmatrix.scaling.decide.burst import HEAD_ROOM, burst_capacity
from observations import SLO


def panic(**fields: Any) -> float:
    defaults: dict[str, Any] = {
        "fast": 40.0,
        "before": 40.0,
        "waiting": 0.0,
        "served_per_second": 50.0,
        "start_seconds": 180.0,
        "slo": SLO,
    }
    return burst_capacity(**defaults | fields)


def test_a_load_that_is_served_is_no_burst() -> None:
    assert panic() == 0.0
    assert panic(fast=50.0) == 0.0
    # 0.4 of two seconds, at what is served: those requests are served in time.
    assert panic(waiting=40.0) == 0.0


def test_more_than_is_served_is_a_burst() -> None:
    assert panic(fast=60.0, before=60.0) == pytest.approx(HEAD_ROOM * 60.0)


def test_half_of_a_growth_goes_on() -> None:
    assert panic(fast=60.0, before=40.0) == pytest.approx(HEAD_ROOM * 70.0)
    assert panic(fast=60.0, before=90.0) == pytest.approx(HEAD_ROOM * 60.0)


def test_a_queue_that_is_too_long_is_a_burst_and_is_served_within_a_start() -> None:
    assert panic(waiting=360.0) == pytest.approx(HEAD_ROOM * 40.0 + 2.0)
    assert panic(waiting=360.0, start_seconds=10.0) == pytest.approx(HEAD_ROOM * 40.0 + 6.0)


@pytest.mark.parametrize(
    ("slo", "waiting"), [(SloBounds(e2e_seconds=10.0), 200.0), (SloBounds(tpot_seconds=0.1), 100.0), (SLO, 40.0)]
)
def test_how_long_a_request_may_wait_follows_from_the_slo(slo: SloBounds, waiting: float) -> None:
    assert panic(slo=slo, waiting=waiting) == 0.0
    assert panic(slo=slo, waiting=waiting + 1.0) > 0.0


def test_without_replicas_every_request_is_a_burst() -> None:
    assert panic(served_per_second=0.0) > 0.0
