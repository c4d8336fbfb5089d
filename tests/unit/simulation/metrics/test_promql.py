"""Growth, change and means over windows, extrapolated as Prometheus does it (``extrapolatedRate`` of its promql package)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming
from modelmatrix.simulation.engine.replica import Replica
from modelmatrix.simulation.engine.samples import EngineSample
from modelmatrix.simulation.metrics.promql import Window, window

BLANK = EngineSample.of(Replica(EngineTiming(1.0, 0.0, 0.0), EngineLimits(max_num_seqs=1, kv_tokens=10)), 0.0)


def page(second: float, finished: float, running: float = 0.0) -> EngineSample:
    """A page with a counter and a gauge."""
    fields = {name: getattr(BLANK, name) for name in BLANK.__dataclass_fields__}
    return EngineSample(**fields | {"second": second, "finished": finished, "running": running})


def counter(sample: EngineSample) -> float:
    return sample.finished


def gauge(sample: EngineSample) -> float:
    return sample.running


def pages(rate: Callable[[float], float], *, first: float = 0.0, last: float = 600.0, step: float = 15.0) -> list[EngineSample]:
    number = int((last - first) / step) + 1
    return [page(first + step * index, rate(first + step * index), rate(first + step * index)) for index in range(number)]


def test_a_window_holds_what_is_younger_than_its_length() -> None:
    found = window(pages(lambda second: second), 600.0, 60.0)
    assert [sample.second for sample in found.samples] == [555.0, 570.0, 585.0, 600.0]


def test_growth_is_extrapolated_to_the_whole_window() -> None:
    found = window(pages(lambda second: 1000.0 + 2.0 * second), 600.0, 60.0)
    assert found.increase(counter) == pytest.approx(120.0)
    assert found.delta(gauge) == pytest.approx(120.0)


def test_a_series_that_is_young_is_extrapolated_by_half_an_interval() -> None:
    """From 560 s on, at three per second, in a window of a minute: 7.5 s before the first sample."""
    found = window(pages(lambda second: 3.0 * (second - 400.0), first=555.0), 600.0, 180.0)
    assert found.increase(counter) == pytest.approx(3.0 * (45.0 + 7.5))


def test_a_counter_was_never_below_zero() -> None:
    """A first sample of 3, growing by 3 a second, can have begun one second before at the most."""
    found = window(pages(lambda second: 3.0 * (second - 554.0), first=555.0), 600.0, 60.0)
    assert found.increase(counter) == pytest.approx(3.0 * 46.0)
    assert found.delta(gauge) == pytest.approx(3.0 * 60.0)


def test_a_fall_is_a_restart() -> None:
    restarted = [page(0.0, 100.0), page(15.0, 130.0), page(30.0, 10.0), page(45.0, 40.0)]
    assert window(restarted, 45.0, 60.0).increase(counter) == pytest.approx((30.0 + 10.0 + 30.0) * 60.0 / 45.0)


@pytest.mark.parametrize("samples", [[], [page(600.0, 7.0, 7.0)]])
def test_a_single_sample_does_not_grow(samples: list[EngineSample]) -> None:
    found = Window(samples, 600.0, 60.0)
    assert (found.increase(counter), found.delta(gauge)) == (0.0, 0.0)


def test_what_stands_still_does_not_grow() -> None:
    assert window(pages(lambda _: 5.0), 600.0, 60.0).increase(counter) == 0.0


def test_a_mean_is_over_samples() -> None:
    assert window(pages(lambda second: second), 600.0, 60.0).mean(gauge) == pytest.approx(577.5)


@given(st.lists(st.floats(0.0, 1e6), min_size=2, max_size=12), st.floats(0.0, 14.0))
def test_growth_is_never_negative_nor_more_than_three_times_what_was_seen(growth: list[float], age: float) -> None:
    total, samples = 0.0, []
    for index, value in enumerate(growth):
        total += value
        samples.append(page(15.0 * index, total))
    end = samples[-1].second + age
    seen = samples[-1].finished - samples[0].finished
    assert 0.0 <= window(samples, end, 180.0).increase(counter) <= 3.2 * seen + 1e-6
