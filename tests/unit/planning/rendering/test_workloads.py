"""Rendering is a function of the target: every field is rendered, the order of maps is not, and nothing else is read."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from modelmatrix.api.model_deployment import Priority, SecretKey
from modelmatrix.api.weights_source import Scheme, Source
from modelmatrix.catalogue.loader import builtin
from modelmatrix.planning import rendering
from modelmatrix.planning.rendering.workload_target import Owner, WorkloadTarget
from modelmatrix.planning.rendering.workloads import (
    RenderingCache,
    Template,
    render,
    service_template,
)
from modelmatrix.planning.snapshot.views import NamespacedName
from rendered import CASES, target

TARGETS = {case.name: target(case) for case in CASES}
TWO_NODES = TARGETS["vllm-nvidia-two-nodes"]
ENGINES = builtin().engines

# Every field is read by the manifest of this target: its weights are copied, and its engine knows the flag for histograms.
COPIED = replace(
    TARGETS["vllm-nvidia"],
    source=Source(Scheme.S3, "models/qwen3-32b"),
    secret_name="weights",  # noqa: S106 - the name of a Secret
    image="vllm/vllm-openai:v0.32.0",
)
# Another value for each field.
OTHERS: Mapping[str, Any] = {
    "key": NamespacedName("bank", "assistant-0000000"),
    "owner": Owner("bank", "assistant", "another-uid", "corporate", "8801"),
    "priority": Priority.P0,
    "served_name": "another-name",
    "secret_name": None,
    "api_key": SecretKey(secret_name="clients"),  # noqa: S106 - the same
    "model": TARGETS["vllm-nvidia-vision"].model,
    "source": Source(Scheme.S3, "models/another"),
    "quantization": "BF16",
    "pool": "pool-b",
    "pool_spec": TARGETS["vllm-amd"].pool_spec,
    "accelerator": builtin().accelerators["h100-80g"],
    "engine": ENGINES["SGLang"],
    "image": "vllm/vllm-openai:v0.32.1",
    "layout": TWO_NODES.layout,
    "max_model_len": 4096,
    "start_seconds": 1234.5,
    "histograms": builtin().histograms.model_copy(update={"request_latency": (1.0, 2.0)}),
    "weights_image": "rclone/rclone:another",
}
FIELDS = tuple(field.name for field in fields(WorkloadTarget))
every_field = pytest.mark.parametrize("field", FIELDS)

targets = st.builds(
    lambda base, names: replace(base, **{name: OTHERS[name] for name in names}),
    st.sampled_from([COPIED, *TARGETS.values()]),
    st.sets(st.sampled_from(FIELDS)),
)


def reversed_maps(value: Any) -> Any:
    """An equal value that shares nothing with the first one, and whose maps have the opposite order."""
    if isinstance(value, BaseModel):
        return value.model_copy(update={name: reversed_maps(getattr(value, name)) for name in type(value).model_fields})
    if isinstance(value, dict):
        return {key: reversed_maps(value[key]) for key in reversed(value)}
    if isinstance(value, tuple):
        items = [reversed_maps(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    return value


def copied(original: WorkloadTarget) -> WorkloadTarget:
    return replace(original, **{name: reversed_maps(getattr(original, name)) for name in FIELDS})


def test_another_value_is_known_for_every_field() -> None:
    assert set(OTHERS) == set(FIELDS)


@given(targets)
def test_equal_targets_have_equal_manifests(original: WorkloadTarget) -> None:
    copy = copied(original)
    assert copy == original
    assert render(copy) == render(original)


@every_field
def test_another_value_of_a_field_is_another_target_and_another_digest(field: str) -> None:
    changed = replace(COPIED, **{field: OTHERS[field]})
    assert changed != COPIED
    assert render(changed).digest != render(COPIED).digest


@given(st.lists(st.builds(Owner, st.just("bank"), st.just("assistant"), *[st.sampled_from("ab")] * 3), min_size=2))
def test_a_service_depends_on_its_owner_alone(owners: list[Owner]) -> None:
    cache = RenderingCache()
    for owner in owners:
        assert service_template(owner, cache) == service_template(owner, RenderingCache())


def test_a_manifest_is_rendered_from_its_target_and_nothing_else() -> None:
    signature = inspect.signature(render, eval_str=True)
    assert {name: parameter.annotation for name, parameter in signature.parameters.items()} == {"target": WorkloadTarget}
    assert signature.return_annotation is Template


def test_what_renders_cannot_reach_the_catalogue_the_settings_or_the_cluster() -> None:
    for path in Path(rendering.__file__).parent.glob("*.py"):
        if path.stem != "workload_target":  # it collects the fields from there
            assert not imported(path) & {"builtin", "Catalogue", "PlanSettings", "Snapshot", "DeploymentView", "PoolState"}


def imported(path: Path) -> set[str]:
    """Names that a module imports from others."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
