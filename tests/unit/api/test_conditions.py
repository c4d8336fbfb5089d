"""The table of conditions, times of conditions, and messages that fit their field."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from factories import NOW
from modelmatrix.api import conditions
from modelmatrix.api.conditions import (
    READY,
    TABLE,
    ConditionInfo,
    ConditionState,
    parse_timestamp,
    render_conditions,
    timestamp,
    truncate_message,
)
from modelmatrix.api.reasons import Reason

OPERATOR = Path(__file__).parents[3] / "operator" / "modelmatrix"
CONTRACT = "Ready Placed SLOMet SignalsFresh Reconciling Stalled"
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize("word", CONTRACT.split())
def test_conditions_of_the_contract_are_there(word: str) -> None:
    assert word in {info.type for info in TABLE}


@pytest.mark.parametrize("info", TABLE, ids=lambda info: f"{info.kind.kind}-{info.type}")
def test_every_condition_has_a_meaning_and_a_chinese_name(info: ConditionInfo) -> None:
    assert info.meaning.endswith(".")
    assert len(info.meaning.split()) >= 4
    assert CHINESE.search(info.chinese)


def test_a_kind_has_a_condition_once() -> None:
    assert len({(info.kind, info.type) for info in TABLE}) == len(TABLE)


def test_every_condition_is_made_with_a_type_of_the_table() -> None:
    """First argument of every ``ConditionState(...)``: a constant of the table, or a parameter that is one."""
    types = {info.type for info in TABLE}
    constants = {name for name, value in vars(conditions).items() if isinstance(value, str) and value in types}
    arguments = {
        call.args[0].id
        for path in OPERATOR.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "ConditionState"
        if isinstance(call.args[0], ast.Name) or pytest.fail(f"{path}:{call.lineno}: a type that is not a constant")
    }
    assert arguments <= constants | {"type_", "kind"}
    assert arguments >= {"READY", "PLACED"}


@pytest.mark.parametrize("folder", ["api", "cli", "control", "planning", "telemetry", "cluster/writers"])
def test_no_module_but_the_table_spells_a_condition_type(folder: str) -> None:
    """Reasons, and the conditions of nodes and pods, are words of other tables that happen to be the same."""
    types, columns = {info.type for info in TABLE}, {"crd.py"}
    allowed = {"conditions.py", "reasons.py", "cluster_objects.py"} | columns
    spelled = [
        f"{path.relative_to(OPERATOR)}:{node.lineno}"
        for path in (OPERATOR / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if path.name not in allowed and isinstance(node, ast.Constant) and node.value in types
    ]
    assert not spelled


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
