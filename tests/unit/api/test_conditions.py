"""Times of conditions, and messages that fit their field."""

from __future__ import annotations

import pytest

from factories import NOW
from modelmatrix.api.conditions import READY, ConditionState, parse_timestamp, render_conditions, timestamp, truncate_message
from modelmatrix.api.reasons import Reason


@pytest.mark.parametrize("text", ["2026-09-21T14:13:20Z", "2026-09-21T14:13:20+00:00", "2026-09-21T22:13:20+08:00"])
def test_times_are_read_in_any_zone(text: str) -> None:
    assert parse_timestamp(text) == NOW


def test_what_is_written_is_read_back() -> None:
    assert timestamp(NOW) == "2026-09-21T14:13:20Z"
    assert parse_timestamp(timestamp(NOW + 0.9)) == NOW


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-41T00:00:00Z"])
def test_what_is_no_time_is_long_ago(text: str) -> None:
    assert parse_timestamp(text) == 0.0


def test_a_long_message_ends_in_dots_within_the_limit() -> None:
    assert truncate_message("x" * 1024) == "x" * 1024
    assert truncate_message("x" * 1025) == "x" * 1021 + "..."


@pytest.mark.parametrize(
    ("status", "reason", "since"),
    [("False", Reason.MISCONFIGURED, "2020-01-01T00:00:00Z"), ("True", Reason.REPLICAS_READY, timestamp(NOW))],
)
def test_a_condition_keeps_its_time_while_its_status_does(status: str, reason: Reason, since: str) -> None:
    stored = [{"type": READY, "status": "False", "reason": "ReplicaStarting", "lastTransitionTime": "2020-01-01T00:00:00Z"}]
    (found,) = render_conditions([ConditionState(READY, status, reason, "")], stored, generation=7, now_seconds=NOW)
    assert (found["lastTransitionTime"], found["reason"], found["observedGeneration"]) == (since, reason, 7)
