"""KubeAI's formula: the mean of ten minutes, and three times in a row before a fall."""

from __future__ import annotations

from benchmark.peers.kubeai import KubeAi
from fakes.fleets import sample, seen, site


def test_the_mean_of_ten_minutes_over_the_target() -> None:
    pages = tuple(sample(10.0 * index, running=240.0 if index > 30 else 120.0) for index in range(61))
    assert KubeAi(site()).decide(seen(600, {"a": pages}, {"a": 1})) == {"a": 2}


def test_a_fall_needs_three_in_a_row() -> None:
    scaler = KubeAi(site())

    def decide(second: float, running: float) -> dict[str, int]:
        return scaler.decide(seen(second, {"a": (sample(second, running=running),)}, {"a": 3}))

    assert [decide(0, 100), decide(10, 100), decide(20, 290), decide(30, 100), decide(40, 100)] == [{}, {}, {"a": 3}, {}, {}]
    assert decide(50, 100) == {"a": 1}
