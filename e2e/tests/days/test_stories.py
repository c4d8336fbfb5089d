"""A bank's day on real Prometheus: the morning, a burst, the night, and a pool that is full. Fifteen times as fast."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import time
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from localcluster.testing import eventually
from playground import lifecycle
from playground.testing import ModelNamespace, NodePool, traffic

pytestmark = pytest.mark.cluster

ZONE = "Asia/Shanghai"
SLO = {"ttftMilliseconds": 2000, "tpotMilliseconds": 100}
# Of 1155 tokens in and 211 out. A replica of two 910B3 holds about four of them a second, one of two H20 more.
CALM_PER_SECOND, BUSY_PER_SECOND = 2.0, 7.0
MINUTE = 60.0


def pairs(estate: NodePool, **more: Any) -> dict[str, Any]:
    """A pool with replicas of two devices."""
    return {"name": estate.pool, "parallelism": {"tensor": 2}, **more}


def window(bed: ModelNamespace, *, starts_in: float, ends_in: float, replicas: int) -> dict[str, Any]:
    """A window of today's, in model seconds from now, rounded up to minutes."""
    return {
        "name": "today",
        "start": _cron(lifecycle.model_seconds(bed.cluster) + starts_in),
        "end": _cron(lifecycle.model_seconds(bed.cluster) + ends_in),
        "timeZone": ZONE,
        "minReplicas": replicas,
    }


def _cron(second: float) -> str:
    at = datetime.fromtimestamp(second + MINUTE, ZoneInfo(ZONE))
    return f"{at.minute} {at.hour} * * *"


def test_a_scheduled_floor_is_ready_when_its_window_opens(bed: ModelNamespace, estate: NodePool) -> None:
    today = window(bed, starts_in=12 * MINUTE, ends_in=120 * MINUTE, replicas=3)
    opens = (lifecycle.model_seconds(bed.cluster) + 13 * MINUTE) // MINUTE * MINUTE
    scaling = {"minReplicas": 1, "maxReplicas": 4, "schedule": [today]}
    bed.deploy("counter", pools=[pairs(estate)], scaling=scaling, slo=SLO, priority="P0")
    bed.wait_ready("counter", 1)

    with traffic(bed, "counter", rate_per_second=CALM_PER_SECOND):
        time.sleep(max(0.0, (opens - lifecycle.model_seconds(bed.cluster)) / bed.cluster.state.time_scale))
        assert bed.status("counter")["readyReplicas"] >= 3
        reasons = {step["reason"] for step in bed.status("counter")["scalingHistory"]}
        assert "ScheduledFloor" in reasons


def test_a_burst_is_answered_and_over_when_it_is_over(bed: ModelNamespace, estate: NodePool) -> None:
    bed.deploy("chat", pools=[pairs(estate)], scaling={"minReplicas": 1, "maxReplicas": 4}, slo=SLO)
    bed.wait_ready("chat", 1)
    with traffic(bed, "chat", rate_per_second=CALM_PER_SECOND):
        time.sleep(12)
    with traffic(bed, "chat", rate_per_second=2 * BUSY_PER_SECOND):
        eventually(lambda: _desired(bed, "chat", at_least=3), timeout_seconds=30)
    with traffic(bed, "chat", rate_per_second=CALM_PER_SECOND):
        eventually(lambda: _desired(bed, "chat", at_most=2), timeout_seconds=150)
        time.sleep(5)
        assert bed.status("chat")["readyReplicas"] >= 1


def test_at_night_devices_go_to_a_batch_job(bed: ModelNamespace, estate: NodePool) -> None:
    today = window(bed, starts_in=-30 * MINUTE, ends_in=8 * MINUTE, replicas=4)
    bed.deploy("chat", pools=[pairs(estate)], scaling={"minReplicas": 1, "maxReplicas": 4, "schedule": [today]}, slo=SLO)
    bed.wait_ready("chat", 4)
    bed.deploy("batch", pools=[pairs(estate)], replicas=2, priority="P3")
    bed.wait_refused("batch", "InsufficientDevices")

    bed.wait_ready("batch", 2, timeout_seconds=180)
    assert bed.status("chat")["desiredReplicas"] <= 2


def test_a_full_pool_spills_and_the_spill_comes_back(bed: ModelNamespace) -> None:
    first = bed.ascend("first", nodes=1, limits={"devices": 4})
    second = bed.nvidia("second", nodes=1)
    pools = [pairs(first), pairs(second, quantization="FP8", source="s3://models/qwen3-32b-fp8")]
    bed.deploy("chat", pools=pools, scaling={"minReplicas": 1, "maxReplicas": 4}, slo=SLO)
    bed.wait_ready("chat", 1)

    with traffic(bed, "chat", rate_per_second=2 * BUSY_PER_SECOND):
        eventually(lambda: _placed(bed, f"{second.pool}/FP8"), timeout_seconds=90)
        assert f"{first.pool}/W8A8:2" in bed.status("chat")["placementSummary"]
    with traffic(bed, "chat", rate_per_second=CALM_PER_SECOND):
        eventually(lambda: _not_placed(bed, second.pool), timeout_seconds=180)
    assert bed.status("chat")["readyReplicas"] >= 1


def _desired(bed: ModelNamespace, name: str, *, at_least: int = 0, at_most: int = 99) -> None:
    status = bed.status(name)
    assert at_least <= status.get("desiredReplicas", 0) <= at_most, status.get("scalingHistory")


def _placed(bed: ModelNamespace, words: str) -> None:
    assert words in bed.status("chat").get("placementSummary", "")


def _not_placed(bed: ModelNamespace, words: str) -> None:
    assert words not in bed.status("chat")["placementSummary"]
