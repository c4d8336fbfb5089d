"""What an observation says about itself."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from modelmatrix.api.reasons import Reason
from observations import observation, reading, traffic, variant


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"running": 1.0}, False),
        ({"waiting": 1.0}, False),
        ({"arrivals_per_second": 0.1}, False),
        ({"arrivals_per_second_long": 0.1}, False),
    ],
)
def test_idle_is_nothing_arriving_and_nothing_in_flight(fields: dict[str, Any], *, expected: bool) -> None:
    assert traffic(0.0, **{"running": 0.0} | fields).is_idle is expected


@pytest.mark.parametrize(
    "name",
    [
        "arrivals_per_second",
        "arrivals_per_second_long",
        "arrivals_per_second_fast",
        "waiting",
        "running",
        "input_tokens",
        "output_tokens",
        "hit_ratio",
        "kv_usage_ratio",
    ],
)
@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_a_figure_that_is_no_number_is_noticed(name: str, value: float) -> None:
    assert traffic().is_finite
    assert not traffic(**{name: value}).is_finite


def test_a_reading_that_is_no_number_is_noticed() -> None:
    assert reading(5.0).is_finite
    assert not reading(nan).is_finite


def test_traffic_is_measured_when_signals_are_fresh_or_prove_silence() -> None:
    assert observation().is_measured
    assert observation(quality=Reason.NO_TRAFFIC).is_measured
    assert not observation(quality=Reason.SIGNALS_STALE).is_measured
    assert not observation(traffic=None).is_measured


def test_replicas_are_counted_over_pools() -> None:
    seen = observation(variants=(variant(2, starting=1), variant(3, pool="b", starting=2)))
    assert (seen.ready, seen.starting, seen.desired) == (5, 3, 8)


def test_young_replicas_change_what_a_pool_shows() -> None:
    assert not variant(3).is_changing
    assert not variant(3, settled=3).is_changing
    assert variant(3, settled=2).is_changing
