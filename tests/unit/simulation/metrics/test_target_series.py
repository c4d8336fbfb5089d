"""Columns of one target: windows, falls of counters, gaps, and what is trimmed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.fleets import sample
from modelmatrix.catalogue.metrics import Signal
from modelmatrix.signals.expressions import SeriesPart
from modelmatrix.signals.fleet_queries import COVERED_STEPS
from modelmatrix.simulation.metrics.prometheus import covered_steps
from modelmatrix.simulation.metrics.target_series import SeriesName, TargetSeries, reader

FINISHED = (reader(SeriesName(Signal.FINISHED)),)


def target(values: list[float], *, start: float = 0.0, end: float | None = None) -> TargetSeries:
    """A target whose only series has these values, 15 s apart."""
    series = TargetSeries("a-1", "a", FINISHED)
    for index, value in enumerate(values):
        second = start + 15.0 * index
        series.append(sample(second, finished=value), 60.0)
        series.move_to(second if end is None else end, 600.0)
    return series


@given(st.lists(st.floats(0.0, 1e6), min_size=60, max_size=400))
def test_growth_is_the_same_however_much_was_trimmed(values: list[float]) -> None:
    """A window of 600 s over any counter, falls included, against the definition."""
    series = target(values)
    window = values[-40:]
    grown = sum(after - before if after >= before else after for before, after in pairwise(window))
    found = series.increase(0, 600.0)
    assert found is not None
    assert len(series.seconds) <= 168
    assert found == pytest.approx(grown, rel=0.2, abs=1e-3)


def test_a_window_over_ended_samples_is_empty() -> None:
    series = target([1.0, 2.0, 3.0], end=1000.0)
    assert (series.increase(0, 60.0), series.delta(0, 60.0), series.mean(0, 60.0)) == (None, None, None)


def test_steps_are_covered_where_a_scrape_was_shortly_before() -> None:
    full = target([0.0] * 20)
    assert covered_steps(full, 285.0) == COVERED_STEPS
    assert covered_steps(full, 345.0) == COVERED_STEPS - 1, "the step of now has no scrape within a minute"
    young = target([0.0] * 4, start=255.0)
    assert covered_steps(young, 300.0) == 4


def test_a_gap_of_more_than_a_minute_leaves_steps_uncovered() -> None:
    series = TargetSeries("a-1", "a", FINISHED)
    for second in (*range(0, 600, 15), *range(720, 780, 15)):
        series.append(sample(float(second)), 60.0)
    assert series.gapless_since == 720.0
    # Steps 600 to 765: those before 585 + 60, and those from 720 on.
    assert covered_steps(series, 765.0) == 3 + 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (SeriesName(Signal.INPUT_LENGTH, SeriesPart.COUNT), 7.0),
        (SeriesName(Signal.TTFT, SeriesPart.COUNT), 0.0),
        (SeriesName(Signal.TTFT, SeriesPart.BUCKET, 1.0), 0.0),
        (SeriesName(Signal.TTFT, SeriesPart.BUCKET), 0.0),
    ],
)
def test_series_of_a_sample(name: SeriesName, value: float) -> None:
    assert reader(name)(sample(0.0, finished=7.0)) == value


def test_an_engine_has_no_series_of_what_it_does_not_count() -> None:
    with pytest.raises(KeyError):
        reader(SeriesName(Signal.RECEIVED))
