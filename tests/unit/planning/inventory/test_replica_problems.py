"""The problems of a workload's pods: each reason once, and a loop of failed pods does not change the words."""

from __future__ import annotations

import random

import pytest

from factories import pod, problem
from modelmatrix.planning.inventory.replica_problems import replica_problems
from modelmatrix.planning.snapshot.views import PodView, Stage


def refused(count: int, *, first_seconds: float = 0.0) -> list[PodView]:
    said = problem("Allocate failed", "NodeRefused", "kubelet")
    return [
        pod(name=f"p{index}", stage=Stage.FAILED, problem=said, ended_seconds=first_seconds + index) for index in range(count)
    ]


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, []),
        (1, ["1 pod failed: Allocate failed"]),
        (2, ["several pods failed: Allocate failed"]),
        (9, ["several pods failed: Allocate failed"]),
        (10, ["more than 10 pods failed: Allocate failed"]),
        (99, ["more than 10 pods failed: Allocate failed"]),
        (5000, ["more than 100 pods failed: Allocate failed"]),
    ],
)
def test_failed_pods_are_counted_by_size(count: int, words: list[str]) -> None:
    assert [found.message for found in replica_problems([], refused(count))] == words


def test_failed_pods_are_forgotten_when_a_replica_becomes_ready_after_them() -> None:
    serving = pod(name="serving", ready=True, ready_seconds=50.0)
    assert replica_problems([serving], refused(10)) == ()
    assert replica_problems([serving], refused(10, first_seconds=49.0)) != ()
    assert replica_problems([pod(ready=False, ready_seconds=50.0)], refused(10)) != ()


def test_a_reason_is_named_once_in_any_order_of_the_input() -> None:
    pods = [pod(name=f"a{i}", problem=problem(f"words {i}", since_seconds=10.0 - i), created_seconds=i) for i in range(4)]
    pods.append(pod(name="b", problem=problem("no room", "Unschedulable", "scheduler"), created_seconds=9))
    expected = replica_problems(pods, refused(3))
    assert [found.message for found in expected] == ["words 0", "no room", "several pods failed: Allocate failed"]
    assert expected[0].since_seconds == 7.0
    for seed in range(5):
        mixed = random.Random(seed).sample(pods, len(pods))  # noqa: S311 - an order, no secret
        assert replica_problems(mixed, random.Random(seed).sample(refused(3), 3)) == expected  # noqa: S311
