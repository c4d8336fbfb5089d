"""What is left of a target whose scrape fails, and of one that is gone."""

from __future__ import annotations

import pytest

from fakes.fleets import sample
from modelmatrix.simulation.metrics.scraper import FaultKind, MetricsFault, Scraper


def scraped(*targets: set[str], faults: tuple[MetricsFault, ...] = ()) -> Scraper:
    """A scraper after one scrape of each set of targets, 15 s apart."""
    scraper = Scraper(faults=faults)
    for index, names in enumerate(targets):
        scraper.scrape(15.0 * index, {name: sample(15.0 * index) for name in names})
    return scraper


def test_a_scrape_that_fails_leaves_no_sample_and_is_known() -> None:
    scraper = scraped({"a", "b"}, {"a", "b"}, faults=(MetricsFault(FaultKind.LOST, 15.0, 30.0, "a"),))
    assert scraper.failing == {"a"}
    assert [one.second for one in scraper.samples["a"]] == [0.0]
    scraper.scrape(30.0, {"a": sample(30.0), "b": sample(30.0)})
    assert scraper.failing == frozenset()


@pytest.mark.parametrize(("missed", "ended"), [(1, set()), (2, set()), (3, {"a"}), (4, {"a"})])
def test_series_end_after_the_second_scrape_without_the_target(missed: int, ended: set[str]) -> None:
    assert scraped({"a", "b"}, *({"b"} for _ in range(missed))).ended == ended


def test_a_target_that_comes_back_is_not_ended() -> None:
    assert scraped({"a"}, set(), set(), set(), {"a"}).ended == frozenset()


def test_samples_are_forgotten_after_the_retention() -> None:
    scraper = scraped({"a"}, set())
    scraper.scrape(901.0, {})
    assert (scraper.samples, scraper.ended) == ({}, frozenset())


def test_a_frozen_page_has_a_new_time_and_old_numbers() -> None:
    scraper = Scraper(faults=(MetricsFault(FaultKind.FROZEN, 15.0, 30.0),))
    scraper.scrape(0.0, {"a": sample(0.0, finished=1.0)})
    scraper.scrape(15.0, {"a": sample(15.0, finished=2.0)})
    assert [(one.second, one.finished) for one in scraper.samples["a"]] == [(0.0, 1.0), (15.0, 1.0)]
