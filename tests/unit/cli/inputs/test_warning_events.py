"""Warnings of pods and workloads: the newest words about what belongs to the deployment."""

from __future__ import annotations

from typing import Any

from modelmatrix.cli.inputs.warning_events import newest_words


def event(name: str, reason: str, minute: int, kind: str = "Pod", message: str = "words") -> dict[str, Any]:
    return {
        "metadata": {"creationTimestamp": "2026-11-23T00:00:00Z"},
        "involvedObject": {"kind": kind, "name": name},
        "reason": reason,
        "message": f"{message} {minute}",
        "lastTimestamp": f"2026-11-23T01:{minute:02}:00Z",
    }


def test_the_newest_of_each_reason_of_what_belongs_to_the_workloads() -> None:
    events = [
        event("chat-abc-x1", "FailedMount", 1),
        event("chat-abc-x2", "FailedMount", 3),
        event("chat-abc", "FailedCreate", 2, kind="StatefulSet"),
        event("chat-abcd-x1", "FailedMount", 9),
        event("other", "BackOff", 9),
    ]
    assert newest_words(events, ["chat-abc"]) == [
        "Pod chat-abc-x2: FailedMount: words 3",
        "StatefulSet chat-abc: FailedCreate: words 2",
    ]


def test_at_most_three_are_shown() -> None:
    assert len(newest_words([event("chat", f"Reason{minute}", minute) for minute in range(9)], ["chat"])) == 3
