"""Counts of traces, and where they are steepest."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.scenarios.trace_windows import counts_of, steepest_window
from modelmatrix.simulation.engine.request import Request
from modelmatrix.simulation.traces.readers import read_counts

TRACES = Path(__file__).parents[3] / "traces"


def test_counts_per_step() -> None:
    assert counts_of([Request(second, 1, 1) for second in (0.0, 9.9, 35.0)], 10.0) == [2, 0, 0, 1]
    assert counts_of([], 10.0) == []


def test_the_steepest_window_is_the_ramp_and_not_the_burst() -> None:
    counts = [10.0] * 400 + [10.0 + number / 3 for number in range(180)] + [70.0] * 400
    counts[100] = 500.0
    assert steepest_window(counts, 10.0) == pytest.approx(4000.0, abs=20.0)


def test_the_steepest_half_hour_of_a_bank_like_week_is_a_workday_morning() -> None:
    counts = [one.requests for one in read_counts(TRACES / "azure" / "azure2024_coding_10s_counts.csv.gz")]
    start = steepest_window(counts, 10.0)
    assert start // 86_400 not in {1, 2}  # the trace begins on a Friday
    before, after = (sum(counts[int(second // 10) - 15 : int(second // 10) + 15]) for second in (start, start + 1800))
    assert after > 1.2 * before


def test_a_trace_shorter_than_the_window_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        steepest_window([1.0] * 100, 10.0)
