"""What counts, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmark.results.results import DeploymentResult, Hour, Outcome
from benchmark.results.scoring import score_of
from benchmark.scenarios.scenario import Pool, Scenario

SCENARIO = Scenario(
    id="",
    title="",
    seconds=3 * 3600,
    deployments=(),
    pools=(Pool(name="a"), Pool(name="b", price=0.5)),
    train_seconds=3600,
)


def served(name: str, *hours: tuple[float, float, float], pool: str = "a") -> DeploymentResult:
    parts = tuple(Hour(requests=requests, met=met, device_hours={pool: held}) for requests, met, held in hours)
    return DeploymentResult(deployment=name, hours=parts, changes=6, reversals=3)


def test_the_training_does_not_count() -> None:
    outcome = Outcome(seconds=3 * 3600, served=(served("x", (100, 0, 9), (100, 90, 2), (300, 300, 4)),), moments=())
    score = score_of(SCENARIO, outcome)
    assert score.attainment == pytest.approx(97.5)
    assert score.worst_hour == pytest.approx(90.0)
    assert (score.device_hours, score.cost) == (6.0, 6.0)
    assert score_of(replace(SCENARIO, train_seconds=0), outcome).device_hours == 15.0
    assert (score.changes_per_day, score.reversals_per_day) == (48.0, 24.0)


def test_each_deployment_counts_the_same() -> None:
    big = served("big", (0, 0, 0), (1e6, 1e6, 1), (1e6, 1e6, 1))
    small = served("small", (0, 0, 0), (10, 5, 1), (10, 10, 1), pool="b")
    score = score_of(SCENARIO, Outcome(seconds=3 * 3600, served=(big, small), moments=()))
    assert score.attainment == pytest.approx((100 + 75) / 2)
    assert (score.worst_deployment, score.worst_hour) == (pytest.approx(75.0), pytest.approx(50.0))
    assert (score.device_hours, score.cost) == (4.0, 3.0)


def test_blocks_are_days_and_add_up() -> None:
    hours = [(10.0, 9.0, 1.0)] * 30
    scenario = replace(SCENARIO, seconds=30 * 3600, train_seconds=0)
    score = score_of(scenario, Outcome(seconds=30 * 3600, served=(served("x", *hours),), moments=()))
    assert [block.device_hours for block in score.blocks] == [24.0, 6.0]
    assert sum(block.requests for block in score.blocks) == pytest.approx(1.0)


def test_no_requests_are_no_misses() -> None:
    outcome = Outcome(seconds=3 * 3600, served=(served("x", *[(0.0, 0.0, 1.0)] * 3),), moments=())
    assert score_of(SCENARIO, outcome).attainment == 100.0
