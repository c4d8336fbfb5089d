"""How long starts take."""

from __future__ import annotations

import pytest

from modelmatrix.scaling.estimate.startup_times import MAX_STARTS, StartupTimes

PRIOR = 180.0


def seen(*durations: float) -> StartupTimes:
    return StartupTimes().with_starts((100.0 * (index + 1), duration) for index, duration in enumerate(durations))


def test_before_anything_was_seen_the_prior_counts() -> None:
    assert StartupTimes().expected_seconds(PRIOR) == PRIOR
    assert StartupTimes().longest_seconds(PRIOR) == PRIOR


def test_four_of_five_starts_take_no_longer() -> None:
    assert seen(100.0, 110.0, 120.0, 130.0).expected_seconds(PRIOR) == 130.0
    assert seen(*range(101, 110)).expected_seconds(PRIOR) == 108.0


def test_the_longest_is_for_who_must_not_be_late() -> None:
    assert seen(100.0, 500.0, 120.0).longest_seconds(PRIOR) == 500.0
    assert seen(100.0).longest_seconds(PRIOR) == PRIOR


def test_each_start_counts_once() -> None:
    once = StartupTimes().with_starts([(100.0, 90.0), (200.0, 95.0)])
    assert once.with_starts([(200.0, 95.0), (100.0, 90.0)]) is once
    assert once.with_starts([(200.0, 95.0), (300.0, 99.0)]).seconds == (90.0, 95.0, 99.0)


def test_old_starts_are_forgotten() -> None:
    many = seen(*[1000.0] * 5, *[50.0] * MAX_STARTS)
    assert many.seconds == (50.0,) * MAX_STARTS


@pytest.mark.parametrize("duration", [0.0, 0.9])
def test_a_replica_that_was_found_running_is_no_start(duration: float) -> None:
    found = seen(duration)
    assert (found.seconds, found.latest_second) == ((), 100.0)
