"""llm-d's SLO-aware rule: pressure, credit for what is ready, steps."""

from __future__ import annotations

import pytest

from benchmark.peers.llmd import LlmD, Thresholds, recommended_replicas
from fakes.fleets import histogram, sample, seen, site


@pytest.mark.parametrize(
    ("pressure", "replicas", "serving", "expected"),
    [
        (0.5, 4, 4, 4),
        (1.1, 4, 4, 8),  # 4 + ceil(4 * (1.1 / 0.55 - 1))
        (0.6, 4, 4, 5),
        (1.1, 4, 2, 4),  # half of them are still to come
        (0.2, 4, 4, 2),  # 4 - floor(4 * (1 - 0.2 / 0.4))
        (0.39, 4, 4, 4),
        (0.0, 4, 4, 0),
    ],
)
def test_recommended_replicas(pressure: float, replicas: int, serving: int, expected: int) -> None:
    assert recommended_replicas(pressure, replicas, serving, Thresholds()) == expected


def test_the_pressure_is_that_of_the_worse_latency_and_at_most_two() -> None:
    scaler = LlmD(site(), Thresholds(least=1))
    late = tuple(sample(at, ttft=histogram(0, 0, 0, at), tpot=histogram(at, at, at, at)) for at in range(0, 105, 15))
    # Pressure 2 (TTFT of 2 s or more over 1 s; TPOT of 0.45 s over 0.1 s): 2 + ceil(2 * (2 / 0.55 - 1)) = 8, of which the
    # larger of 100 % and 4 may come in a minute, after half a minute of such recommendations.
    decisions = [scaler.decide(seen(second, {"a": late}, {"a": 2})) for second in (60, 75, 90)]
    assert decisions == [{"a": 2}, {"a": 2}, {"a": 6}]


def test_no_latencies_are_no_pressure() -> None:
    scaler = LlmD(site())
    decisions = [scaler.decide(seen(second, {}, {"a": 5})) for second in range(0, 195, 15)]
    # One at a time, after three minutes of such recommendations.
    assert decisions == [{"a": 5}] * 12 + [{"a": 4}]
