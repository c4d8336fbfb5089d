"""The short form of the benchmark: whether the operator's scaling has become worse. Deterministic, and never about time."""

from __future__ import annotations

import pytest

from benchmark.regression import LIMITS, Limit, findings

pytest.importorskip("numba", reason="the dependency group benchmark is not installed: make .venv/benchmark")


@pytest.mark.benchmark
@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.scenario)
def test_scaling_is_as_good_as_it_was(limit: Limit) -> None:
    (found,) = findings([limit])
    assert found.failures == ()
