"""Engines that extend another one: what is inherited, what is replaced, and how lists are edited."""

from __future__ import annotations

from typing import Any

import pytest

from modelmatrix.catalogue.engine_extension import ExtensionError, extend_engine
from modelmatrix.catalogue.engines import Engine
from modelmatrix.catalogue.loader import builtin

VLLM, ASCEND = builtin().engines["vLLM"], builtin().engines["vLLM-Ascend"]


def keys(engine: Engine, field: str) -> list[str]:
    return [entry.key for entry in getattr(engine, field)]


def test_without_changes_an_extension_is_its_base() -> None:
    assert extend_engine(VLLM, {}) == VLLM


def test_a_field_replaces_the_inherited_one_as_a_whole() -> None:
    memory = {"utilization": 0.8, "baseGibibytes": 2, "source": "measured"}
    engine = extend_engine(VLLM, {"name": "vLLM-2", "metricsPort": 9000, "memory": memory})
    assert (engine.name, engine.metrics_port, engine.port) == ("vLLM-2", 9000, VLLM.port)
    assert engine.memory.experts_gibibytes == 0, "a figure is not inherited without its source"
    assert engine.arguments == VLLM.arguments


def test_an_entry_of_a_list_is_appended() -> None:
    engine = extend_engine(VLLM, {"arguments": [{"args": ["--enforce-eager"]}]})
    assert keys(engine, "arguments") == [*keys(VLLM, "arguments"), "--enforce-eager"]


def test_entries_are_inserted_before_an_inherited_one_and_removed() -> None:
    new = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    edits = [{"before": "DO_NOT_TRACK", "insert": new}, {"remove": ["VLLM_NO_USAGE_STATS", "DO_NOT_TRACK"]}]
    assert keys(extend_engine(VLLM, {"environment": edits}), "environment")[:3] == ["A", "B", "VLLM_CACHE_ROOT"]


@pytest.mark.parametrize(
    "edit", [{"remove": ["--dtype bfloat17"]}, {"before": "--dtype", "insert": []}, {"remove": ["--headless", "--headless"]}]
)
def test_an_edit_of_an_entry_that_is_not_inherited_is_refused(edit: dict[str, Any]) -> None:
    with pytest.raises(ExtensionError, match=r"arguments: '--.*' is not the key of one inherited entry; the keys are"):
        extend_engine(VLLM, {"arguments": [edit]})


def test_vllm_ascend_is_started_with_every_argument_of_vllm_in_vllms_order() -> None:
    added = {"--quantization ascend"} | {key for key in keys(ASCEND, "arguments") if key.startswith("--additional-config")}
    shared = [argument for argument in ASCEND.arguments if argument.key not in added]
    shared = [argument for argument in shared if "family" not in argument.when.accepted]
    assert shared == list(VLLM.arguments)


def test_vllm_ascend_has_vllms_environment_but_for_nccl() -> None:
    inherited = [variable for variable in VLLM.environment if not variable.name.startswith("NCCL_")]
    assert [variable for variable in ASCEND.environment if variable in inherited] == inherited
    assert not any(variable.name.startswith("NCCL_") for variable in ASCEND.environment)
