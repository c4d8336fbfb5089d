"""The identity of a workload: equal targets have equal manifests, and no input of a manifest is missing from its target."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import deployment, node, pool, snapshot
from modelmatrix.catalogue.loader import builtin
from modelmatrix.planning.plan import plan
from modelmatrix.planning.rendering.workload_target import WorkloadTarget
from modelmatrix.planning.rendering.workloads import RenderingCache, render, workload_template
from modelmatrix.planning.snapshot.snapshot import PlanSettings
from rendered import CASES, Case

# Fields of a deployment, of its model, of its pool and of the settings, each with values that manifests depend on.
SPEC: Mapping[str, tuple[Any, ...]] = {
    "tenant": (None, "retail"),
    "costCenter": (None, "77"),
    "priority": ("P0", "P3"),
    "maxModelLen": (None, 1024),
    "secret": (None, "reader"),
    "apiKey": (None, {"secretName": "clients"}, {"secretName": "clients", "key": "token"}),
    "source": ("pvc://weights/model", "s3://weights/model/1", "hf://Qwen/Qwen3-32B"),
}
POOL: Mapping[str, tuple[Any, ...]] = {
    "hostNetwork": (False, True),
    "driver": ("Runtime", "Host"),
    "schedulerName": (None, "volcano"),
    "tolerations": ([], [{"key": "npu", "operator": "Exists"}]),
    "hostMounts": ([], [{"hostPath": "/opt/data"}]),
    "images": ({}, {"vLLM": "registry.bank/vllm:v0.23.0", "vLLM-Ascend": "registry.bank/ascend:v0.11.0"}),
    "supplementalGroups": ([], [1000]),
}
UIDS, WEIGHTS_IMAGES = ("uid-a", "uid-b"), ("rclone/rclone:1.71", "registry.bank/rclone:2")


def choices(table: Mapping[str, tuple[Any, ...]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({name: st.sampled_from(values) for name, values in table.items()})


@st.composite
def targets(draw: st.DrawFn) -> WorkloadTarget:
    """A target of a case of the golden files, with other inputs."""
    case = draw(st.sampled_from([case for case in CASES if not case.candidate.get("engine")][:6]))
    return target(
        case,
        spec=draw(choices(SPEC)),
        fields=draw(choices(POOL)),
        uid=draw(st.sampled_from(UIDS)),
        weights_image=draw(st.sampled_from(WEIGHTS_IMAGES)),
    )


def target(
    case: Case, *, spec: Mapping[str, Any] = SPEC, fields: Mapping[str, Any], uid: str = "uid", weights_image: str = ""
) -> WorkloadTarget:
    """The target of the only placement of a plan."""
    chip = builtin().accelerators[case.chip]
    view = deployment(
        model=case.model, quantization=case.quantization, pools=[{"name": "pool-a", **case.candidate}], uid=uid, **spec
    )
    state = snapshot(
        deployments=(view,),
        pools=(pool(name="pool-a", accelerator=case.chip, **fields),),
        nodes=tuple(
            node(name=f"n{index}", pool="pool-a", devices=chip.devices_per_node, resource=chip.resources[0])
            for index in range(case.nodes)
        ),
        settings=PlanSettings(weights_image=weights_image),
    )
    (placement,) = plan(state).deployments[view.key].placements
    return placement.target


@settings(max_examples=60)
@given(targets(), targets())
def test_equal_targets_have_equal_manifests_and_other_manifests_have_other_targets(
    one: WorkloadTarget, other: WorkloadTarget
) -> None:
    if one == other:
        assert render(one) == render(other)
    if render(one).manifest != render(other).manifest:
        assert one != other
        assert render(one).digest != render(other).digest


@settings(max_examples=30)
@given(targets(), st.data())
def test_a_change_of_one_input_is_rendered_again(one: WorkloadTarget, data: st.DataObject) -> None:
    """From field to field the other target's values come in; the cache never gives the manifest of the old target."""
    other, cache = data.draw(targets()), RenderingCache()
    workload_template(one, cache)
    changed = one
    for field in data.draw(st.permutations([field.name for field in fields(WorkloadTarget) if field.name != "layout"])):
        changed = replace(changed, **{field: getattr(other, field)})
        assert workload_template(changed, cache) == render(changed), field


def test_every_input_takes_part_in_the_identity() -> None:
    """Rendering gets the target and nothing beside it, and equality compares all of its fields."""
    assert list(inspect.signature(render).parameters) == ["target"]
    assert all(field.compare for field in fields(WorkloadTarget))
    assert WorkloadTarget.__eq__ is not object.__eq__


@pytest.mark.parametrize("name", ["tenant", "priority", "source", "secret"])
def test_an_edit_of_the_spec_changes_the_identity(name: str) -> None:
    case = CASES[0]
    first, second = (target(case, spec={name: value}, fields={}) for value in SPEC[name][:2])
    assert first != second
    assert render(first).digest != render(second).digest
