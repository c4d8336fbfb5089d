"""A trace with more or fewer requests than it has."""

# ruff: noqa: S311 - seeded draws, no secrets
from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.traffic import scaled
from modelmatrix.simulation.engine.request import Request


@given(factor=st.floats(0.0, 4.0), seed=st.integers(0, 99))
def test_scaling_keeps_order_and_multiplies(factor: float, seed: int) -> None:
    requests = [Request(float(second), 1, 1) for second in range(400)]
    out = list(scaled(requests, factor, Random(seed), jitter_seconds=20.0))
    seconds = [one.arrival_seconds for one in out]
    assert seconds == sorted(seconds)
    assert len(out) == pytest.approx(400 * factor, abs=60)
    assert not seconds or seconds[-1] < 420


def test_a_factor_of_one_changes_nothing() -> None:
    requests = [Request(float(second), 1, 1) for second in range(10)]
    assert list(scaled(requests, 1.0, Random(0), jitter_seconds=5.0)) == requests
