"""How bursty arrivals are, from differences of successive looks."""

# ruff: noqa: S311 - seeded draws, no secrets

from __future__ import annotations

from random import Random

import pytest

from modelmatrix.scaling.estimate.burstiness import APART_SECONDS, MAX_RATIO, MAX_SAMPLES, ArrivalDispersion


def learned(rates: list[float], *, apart: float = APART_SECONDS) -> ArrivalDispersion:
    found = ArrivalDispersion()
    for index, rate in enumerate(rates):
        found = found.updated(index * apart, rate)
    return found


def gaussian(mean: float, index: float, number: int = 2000) -> list[float]:
    """Rates over 15 s whose counts have so many times the variance of Poisson arrivals."""
    random = Random(1)
    return [max(0.0, random.gauss(15 * mean, (index * 15 * mean) ** 0.5)) / 15 for _ in range(number)]


@pytest.mark.parametrize("index", [1.0, 4.0, 20.0])
def test_the_index_is_found(index: float) -> None:
    found = [learned(gaussian(200.0, index)[: 100 + 60 * part]).index for part in range(30)]
    assert sum(found) / len(found) == pytest.approx(index, rel=0.25)


def test_less_than_poisson_is_not_believed() -> None:
    assert learned([20.0] * 500).index == 1.0


def test_a_trend_is_no_burst() -> None:
    assert learned([20.0 + 0.1 * step for step in range(500)]).index == 1.0


def test_a_step_is_no_burst() -> None:
    """A single jump counts as the largest difference that steady arrivals make."""
    before = learned([10.0] * 100)
    after = before.updated(before.second + APART_SECONDS if before.second is not None else 0.0, 1000.0)
    assert after.index <= before.index * (1 + (MAX_RATIO - 1) / MAX_SAMPLES) + 1e-9


def test_looks_that_share_scrapes_do_not_count() -> None:
    assert learned([10.0, 30.0] * 50, apart=APART_SECONDS / 2).samples < learned([10.0, 30.0] * 50).samples
    first = ArrivalDispersion().updated(0.0, 10.0)
    assert first.updated(APART_SECONDS - 1.0, 99.0) is first


def test_silence_says_nothing() -> None:
    silent = learned([0.0, 0.0, 0.0])
    assert (silent.mean, silent.samples) == (ArrivalDispersion().mean, ArrivalDispersion().samples)
