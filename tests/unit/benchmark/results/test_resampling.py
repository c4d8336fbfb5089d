"""Confidence intervals."""

from __future__ import annotations

import pytest

from benchmark.results.resampling import attainment_interval, ratio_interval
from benchmark.results.scoring import Block


def block(requests: float, met: float) -> Block:
    return Block(requests=requests, met=met, device_hours=1.0, cost=1.0)


def test_equal_blocks_leave_no_doubt() -> None:
    interval = attainment_interval([block(100, 99)] * 5)
    assert (interval.low, interval.high) == (pytest.approx(99.0), pytest.approx(99.0))


def test_different_blocks_do_and_the_interval_is_the_same_every_time() -> None:
    blocks = [block(100, 90), block(100, 100), block(300, 297)]
    interval = attainment_interval(blocks)
    assert 90.0 <= interval.low < 97.4 < interval.high <= 100.0
    assert interval == attainment_interval(blocks)


def test_a_ratio_keeps_pairs_together() -> None:
    interval = ratio_interval([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    assert (interval.low, interval.high) == (pytest.approx(2.0), pytest.approx(2.0))
