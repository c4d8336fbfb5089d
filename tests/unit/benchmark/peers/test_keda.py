"""KEDA: what is missing counts as nothing."""

from __future__ import annotations

from math import inf, nan

import pytest

from benchmark.peers.keda import Keda, value_or_zero
from fakes.fleets import sample, seen, site


@pytest.mark.parametrize(("value", "counted"), [(None, 0.0), (nan, 0.0), (inf, 0.0), (-inf, 0.0), (7.5, 7.5)])
def test_no_value_and_no_number_are_zero(value: float | None, counted: float) -> None:
    assert value_or_zero(value) == counted


def test_it_scales_on_waiting_requests() -> None:
    assert Keda(site()).decide(seen(0, {"a": (sample(0, running=90, waiting=21),)}, {"a": 3})) == {"a": 5}


def test_lost_metrics_take_replicas_away() -> None:
    scaler = Keda(site())
    for second in range(0, 300, 15):
        assert scaler.decide(seen(second, {"a": (sample(second, waiting=40),)}, {"a": 8})) == {"a": 8}
    decisions = [scaler.decide(seen(second, {}, {"a": 8})) for second in range(300, 615, 15)]
    assert decisions[0] == {"a": 8}
    assert decisions[-1] == {"a": 1}
