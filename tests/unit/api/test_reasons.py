"""The enumeration of reasons is closed, complete and holds the contract's."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from modelmatrix.api.reasons import TABLE, Reason, reason_of
from pages.reasons import page

OPERATOR = Path(__file__).parents[3] / "operator" / "modelmatrix"
CONTRACT = (
    "Placed PoolNotFound PoolOverlap AcceleratorUnknown ModelUnknown SourceInvalid QuantizationUnsupported EngineUnsupported "
    "Unlisted ParallelismIllegal NodesMismatch MemoryInsufficient SLOInfeasible InsufficientDevices DevicesUnhealthy "
    "NoSurgeCapacity Displaced NameConflict ReplicaStarting ReplicaFailing LeaderWorkerSetMissing SignalsMissing SignalsStale "
    "PrometheusUnavailable NoTraffic ScheduledFloor NoWakeSignal Suspended ScaledToZero Misconfigured"
)
CAMEL_CASE = re.compile(r"([A-Z]+[a-z]*)+")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize("word", CONTRACT.split())
def test_reasons_of_the_contract_are_there(word: str) -> None:
    assert reason_of(word) is not None


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_meaning_remedy_and_chinese(reason: Reason) -> None:
    info = TABLE[reason]
    for text in (info.meaning, info.remedy):
        assert text.endswith(".")
        assert len(text.split()) >= 2
    assert CHINESE.search(info.chinese)


def test_the_table_has_nothing_else() -> None:
    assert set(TABLE) == set(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_values_are_words_that_conditions_may_use(reason: Reason) -> None:
    assert CAMEL_CASE.fullmatch(reason)
    assert reason_of(str(reason)) is reason


def test_the_page_of_reasons_is_up_to_date() -> None:
    path = OPERATOR.parents[1] / "docs" / "reasons.md"
    assert path.read_text(encoding="utf-8") == page(), "run make generate"


def test_an_old_word_is_no_reason() -> None:
    assert reason_of("Retired") is None


def test_every_condition_is_made_with_a_reason_of_the_enumeration() -> None:
    """Third argument of every ``ConditionState(...)`` in the planner: a member, or something that was one already."""
    spelled = [
        f"{path.name}:{call.lineno}"
        for path in (OPERATOR / "planning").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "ConditionState"
        if isinstance(call.args[2], ast.Constant)
    ]
    assert not spelled
