"""Knative's formulas: two windows, rates of change, panic."""

from __future__ import annotations

import pytest

from benchmark.peers.knative import Knative, desired_pods
from fakes.fleets import sample, seen, site


@pytest.mark.parametrize(
    ("concurrency", "ready", "expected"),
    [(141, 2, 3), (140, 2, 2), (0, 9, 4), (1, 9, 4), (99_999, 1, 1000), (0, 1, 0), (70, 0, 1)],
)
def test_desired_pods_within_the_rates_of_change(concurrency: float, ready: int, expected: int) -> None:
    assert desired_pods(concurrency, 70.0, ready) == expected


def calm_then(*running: float) -> tuple[object, ...]:
    values = (*[100.0] * (13 - len(running)), *running)
    return tuple(sample(5.0 * index, running=value) for index, value in enumerate(values))


def test_the_stable_window_decides_while_it_is_calm() -> None:
    assert Knative(site()).decide(seen(60, {"a": calm_then()}, {"a": 2})) == {"a": 2}  # type: ignore[dict-item]


def test_twice_what_is_ready_is_panic() -> None:
    scaler = Knative(site())
    assert scaler.decide(seen(60, {"a": calm_then(420, 420)}, {"a": 2})) == {"a": 6}  # type: ignore[dict-item]


def test_nothing_is_taken_away_until_a_minute_after_panic() -> None:
    scaler = Knative(site())
    scaler.decide(seen(60, {"a": calm_then(420, 420)}, {"a": 2}))  # type: ignore[dict-item]
    later = {second: tuple(sample(at, running=70) for at in range(second - 60, second + 5, 5)) for second in (120, 125)}
    assert scaler.decide(seen(120, {"a": later[120]}, {"a": 6})) == {"a": 6}
    assert scaler.decide(seen(125, {"a": later[125]}, {"a": 6})) == {"a": 3}


def test_it_holds_without_data() -> None:
    assert Knative(site()).decide(seen(0, {}, {"a": 2})) == {}
