"""Replicas follow the latency that a real Prometheus scrapes from the simulated engines, and stay where nothing is known."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import time
from typing import Any

import pytest

from localcluster.testing import eventually
from playground.testing import ModelNamespace, NodePool, traffic

pytestmark = pytest.mark.cluster

SLO = {"ttftMilliseconds": 2000, "tpotMilliseconds": 100}
SCALING = {"minReplicas": 1, "maxReplicas": 3}
BUSY_PER_SECOND = 6.0  # of 1155 tokens in and 211 out: more than one replica of two 910B3 holds


def pairs(estate: NodePool) -> dict[str, Any]:
    """The pool with replicas of two devices."""
    return {"name": estate.pool, "parallelism": {"tensor": 2}}


def test_replicas_follow_the_load_up_and_down(bed: ModelNamespace, estate: NodePool) -> None:
    bed.deploy("chat", pools=[pairs(estate)], scaling=SCALING, slo=SLO)
    bed.wait_ready("chat", 1)

    with traffic(bed, "chat", rate_per_second=BUSY_PER_SECOND):
        eventually(lambda: _desired_at_least(bed, "chat", 2), timeout_seconds=90)
        eventually(lambda: _attains(bed, "chat", 90.0), timeout_seconds=120)
    eventually(lambda: _desired_at_most(bed, "chat", 1), timeout_seconds=150)

    steps = bed.status("chat")["scalingHistory"]
    assert steps[0]["to"] < steps[0]["from"]
    assert any(step["to"] > step["from"] for step in steps)
    assert all(step["message"] for step in steps)


def test_without_prometheus_the_number_holds(bed: ModelNamespace, estate: NodePool) -> None:
    bed.deploy("chat", pools=[pairs(estate)], scaling=SCALING, slo=SLO)
    bed.wait_ready("chat", 1)
    with traffic(bed, "chat", rate_per_second=BUSY_PER_SECOND):
        eventually(lambda: _desired_at_least(bed, "chat", 2), timeout_seconds=90)
    number = bed.status("chat")["desiredReplicas"]

    bed.cluster.stop_process("prometheus")
    try:
        eventually(lambda: _signals(bed, "chat", "PrometheusUnavailable"))
        time.sleep(30)  # 450 s of model time: long enough for everything idle to have shrunk
        assert bed.status("chat")["desiredReplicas"] >= number
    finally:
        bed.cluster.start_process("prometheus")

    eventually(lambda: _desired_at_most(bed, "chat", 1), timeout_seconds=150)


def test_who_sleeps_is_woken_by_what_the_gateway_counts(bed: ModelNamespace, estate: NodePool) -> None:
    bed.deploy("chat", estate.pool, scaling={"minReplicas": 0, "maxReplicas": 2}, slo=SLO)
    eventually(lambda: _signals(bed, "chat", "ScaledToZero"))
    assert bed.status("chat")["desiredReplicas"] == 0

    with traffic(bed, "chat", rate_per_second=1.0):
        bed.wait_ready("chat", 1)


def test_a_schedule_raises_the_floor(bed: ModelNamespace, estate: NodePool) -> None:
    window = {
        "name": "always",
        "start": "0 0 * * *",
        "end": "59 23 * * *",
        "timeZone": "Asia/Shanghai",
        "minReplicas": 2,
    }

    bed.deploy("chat", pools=[pairs(estate)], scaling={**SCALING, "schedule": [window]}, slo=SLO)

    bed.wait_ready("chat", 2)


def _desired_at_least(bed: ModelNamespace, name: str, number: int) -> None:
    status = bed.status(name)
    assert status.get("desiredReplicas", 0) >= number, status.get("conditions")


def _desired_at_most(bed: ModelNamespace, name: str, number: int) -> None:
    status = bed.status(name)
    assert status["desiredReplicas"] <= number, status["conditions"]


def _attains(bed: ModelNamespace, name: str, percent: float) -> None:
    status = bed.status(name)
    assert float(status.get("slo", {}).get("attainmentPercent", 0)) >= percent, status


def _signals(bed: ModelNamespace, name: str, reason: str) -> None:
    assert bed.condition(name, "SignalsFresh").get("reason") == reason
