"""Deployments that no pool can be asked about, or that every pool refuses: the reason, and what to change."""

from __future__ import annotations

from typing import Any

import pytest

from factories import deployment, nodes, pool, snapshot
from modelmatrix.planning.plan import plan


def refused(**fields: Any) -> tuple[str, str]:
    """Reason and message of the Placed condition, for a deployment that starts nothing."""
    name = fields.pop("name", "assistant")
    pools = (pool(), pool(name="strange", accelerator="tpu"), pool(name="unreadable", spec=None))
    view = deployment(name=name, **fields)
    made = plan(snapshot(deployments=(view,), pools=pools, nodes=nodes(1)))
    assert made.actions == ()
    placed = next(item for item in made.statuses[view.key]["conditions"] if item["type"] == "Placed")
    assert placed["status"] == "False"
    return placed["reason"], placed["message"]


@pytest.mark.parametrize(
    ("fields", "reason", "words"),
    [
        ({"pools": ["nowhere"]}, "PoolNotFound", "'nowhere' does not exist (there are: ascend-a, strange, unreadable)"),
        ({"model": "Qwen3-32"}, "ModelUnknown", "(is Qwen3-32B meant?)"),
        ({"model": "Unheard-of"}, "ModelUnknown", "of this cluster; correct spec.model.name"),
        ({"pools": ["strange"]}, "AcceleratorUnknown", "accelerator 'tpu' is unknown; known are 310p3-24g"),
        ({"pools": ["unreadable"]}, "Misconfigured", "unreadable: spec: junk"),
        ({"source": "hf://one/../two"}, "SourceInvalid", "hf://one/../two"),
        ({"pools": [{"name": "ascend-a", "source": "hf://a/../b"}]}, "SourceInvalid", "hf://a/../b"),
        ({"name": "x" * 41}, "Misconfigured", "has more than 40 characters"),
        ({"slo": {"percentile": 99}}, "Misconfigured", "has no bound: set ttftMilliseconds"),
    ],
)
def test_a_refusal_says_what_to_change(fields: dict[str, Any], reason: str, words: str) -> None:
    found, message = refused(**fields)
    assert found == reason
    assert words in message


def test_every_pool_says_its_own_reason_and_the_first_one_counts() -> None:
    reason, message = refused(pools=["nowhere", "strange"])
    assert reason == "PoolNotFound"
    assert "nowhere: AcceleratorPool" in message
    assert "strange: accelerator 'tpu' is unknown" in message


@pytest.mark.parametrize(
    ("window", "words"),
    [
        ({"start": "junk junk"}, "window 'day': 'junk junk' is not a cron expression"),
        ({"timeZone": "Mars/Olympus"}, "time zone 'Mars/Olympus' is unknown; use one like Asia/Shanghai"),
    ],
)
def test_a_schedule_that_cannot_be_read_is_named(window: dict[str, str], words: str) -> None:
    day = {"name": "day", "start": "0 8 * * *", "end": "0 20 * * *", "timeZone": "Asia/Shanghai", "minReplicas": 1}
    reason, message = refused(scaling={"minReplicas": 1, "maxReplicas": 3, "schedule": [day | window]})
    assert reason == "Misconfigured"
    assert words in message
