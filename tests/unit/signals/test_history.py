from __future__ import annotations

import pytest

from modelmatrix.catalogue.loader import builtin
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.signals.history import MAX_POINTS, PAST_SECONDS, histories, history_query
from modelmatrix.signals.vectors import Series

DIALECTS = tuple(builtin().dialects.values())
KEY = NamespacedName("bank", "chat")


def labels(signal: str = "vllm", name: str = "chat") -> dict[str, str]:
    return {"namespace": "bank", "modelmatrix_io_deployment": name, "signal": signal}


@pytest.mark.parametrize(("deployments", "step"), [(0, 300), (1, 300), (300, 300), (310, 600), (1000, 1200), (5000, 5100)])
def test_a_larger_fleet_is_remembered_in_coarser_steps(deployments: int, step: float) -> None:
    asked = history_query(DIALECTS, deployments, 1.0)
    assert asked.step_seconds == step
    assert deployments * PAST_SECONDS / step <= MAX_POINTS


def test_it_is_one_query_in_the_time_of_prometheus() -> None:
    asked = history_query(DIALECTS, 10, 15.0)
    assert (asked.real_seconds, asked.step_real_seconds) == (8 * 86400 / 15, 20.0)
    assert "[20000ms]" in asked.expression
    assert all(f'"signal", "{dialect.name}"' in asked.expression for dialect in DIALECTS)


def test_without_dialects_nothing_is_asked() -> None:
    assert history_query((), 0, 1.0).expression == ""


def test_points_become_steps_and_gaps_are_unknown() -> None:
    asked = history_query(DIALECTS, 1, 1.0)
    points = ((1000.0, 1.0), (1300.0, 2.0), (1900.0, 4.0))
    found = histories([Series(labels(), points)], asked, 0.0)
    assert found[KEY].arrivals_per_second == (1.0, 2.0, None, 4.0)
    assert (found[KEY].first_second, found[KEY].step_seconds) == (1000.0, 300.0)


def test_engines_of_one_deployment_add_up() -> None:
    asked = history_query(DIALECTS, 1, 1.0)
    series = [Series(labels(), ((900.0, 1.0), (1200.0, 2.0))), Series(labels("mindie"), ((1200.0, 5.0),))]
    assert histories(series, asked, 0.0)[KEY].arrivals_per_second == (1.0, 7.0)


def test_times_are_those_of_the_model() -> None:
    asked = history_query(DIALECTS, 1, 15.0)
    found = histories([Series(labels(), ((1000.0, 1.0), (1020.0, 2.0)))], asked, 7.0)
    assert found[KEY].arrivals_per_second == (1.0, 2.0)
    assert found[KEY].first_second == pytest.approx(15_007.0)
    assert found[KEY].step_seconds == 300.0


def test_what_has_no_points_has_no_history() -> None:
    assert histories([Series(labels(), ())], history_query(DIALECTS, 1, 1.0), 0.0) == {}
    assert histories([], history_query(DIALECTS, 1, 1.0), 0.0) == {}
