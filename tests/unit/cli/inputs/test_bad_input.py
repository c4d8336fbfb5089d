"""What people get wrong, through the command line: a verdict or a sentence, never an exception."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands import deployment, document, matrix, node, pool, write

CHIP = "node.kubernetes.io/npu.chip.name"
PLACE = [{"name": "ascend-a"}]


def judged(folder: Path, *manifests: dict[str, Any]) -> dict[str, Any]:
    """The only item of an offline plan."""
    found: dict[str, Any] = document("plan", "--offline", "-f", write(folder, manifests))["items"][0]
    return found


def labelled(name: str, chip: str) -> dict[str, Any]:
    made = node(name)
    made["metadata"]["labels"][CHIP] = chip
    return made


@pytest.mark.parametrize(("devices", "placed"), [("8", True), ("1e1", True), ("8000m", True), ("7.9", True), ("0", False)])
def test_quantities_are_read_as_kubernetes_reads_them(tmp_path: Path, devices: str, *, placed: bool) -> None:
    assert judged(tmp_path, pool(), node("n0", devices=devices), deployment())["placed"] is placed


@pytest.mark.parametrize("devices", ["", "eight", "-4", "NaN", "8x"])
def test_what_is_no_quantity_counts_as_no_device(tmp_path: Path, devices: str) -> None:
    item = judged(tmp_path, pool(), node("n0", devices=devices), deployment())
    assert (item["placed"], item["reason"]) == (False, "InsufficientDevices")


@pytest.mark.parametrize(
    ("length", "reason", "words"),
    [
        (100_000_000, "Misconfigured", "above 4 times the 40960 tokens"),
        (1_000_000, "Misconfigured", "lower maxModelLen, or use a model with a longer context"),
        (160_000, "Placed", "its config.json must scale RoPE"),
    ],
)
def test_a_million_tokens_are_told_apart_from_what_can_be_stretched(
    tmp_path: Path, length: int, reason: str, words: str
) -> None:
    candidate = judged(tmp_path, pool(), node("n0"), deployment(maxModelLen=length, pools=PLACE))["candidates"][0]
    assert candidate["reason"] == reason
    assert words in candidate["message"]


def test_a_million_tokens_of_a_model_that_was_made_for_it_need_memory(tmp_path: Path) -> None:
    model = {"name": "Qwen3-VL-32B-Instruct", "source": "pvc://weights/vl"}
    item = judged(
        tmp_path, pool(), node("n0"), deployment(model=model, maxModelLen=1_000_000, quantization="BF16", pools=PLACE)
    )
    assert item["candidates"][0]["reason"] in ("MemoryInsufficient", "Placed")


@pytest.mark.parametrize(
    ("parallelism", "words"),
    [
        ({"tensor": 3}, "tensor 3 does not divide the 64 attention heads"),
        ({"tensor": 8, "expert": 8}, "has no experts"),
        ({"tensor": 64}, "a replica needs 8 whole nodes"),
        ({"pipeline": 64, "data": 1024}, "whole nodes|GiB|devices"),
        ({"tensor": 16}, "devices|GiB"),
    ],
)
def test_a_cut_that_contradicts_itself_is_told(tmp_path: Path, parallelism: dict[str, int], words: str) -> None:
    pools = [{"name": "ascend-a", "parallelism": parallelism}]
    candidate = judged(tmp_path, pool(), node("n0"), deployment(pools=pools))["candidates"][0]
    assert candidate["verdict"] in ("Impossible", "NoCapacity")
    assert any(word in candidate["message"] for word in words.split("|")), candidate["message"]


def test_a_pool_without_devices_is_told(tmp_path: Path) -> None:
    estate = [pool(resourceName="huawei.com/ascend-1980"), node("n0")]
    candidate = judged(tmp_path, *estate, deployment())["candidates"][0]
    assert candidate["verdict"] in ("NoCapacity", "Impossible")
    assert "huawei.com/ascend-1980" in candidate["message"] or "0 are free" in candidate["message"]


def test_nodes_of_another_chip_count_for_nothing(tmp_path: Path) -> None:
    estate = [pool(), labelled("right", "910B3"), labelled("wrong", "Ascend910"), labelled("wrong-too", "910B4")]
    found = document("plan", "--offline", "-f", write(tmp_path, [*estate, deployment()]))
    assert found["pools"][0]["devices"]["total"] == 8
    alone = judged(tmp_path, pool(), labelled("wrong", "Ascend910"), deployment())
    assert alone["candidates"][0]["reason"] == "NodesMismatch"
    assert "Ascend910" in alone["candidates"][0]["message"]


def test_a_model_larger_than_the_estate_is_told(tmp_path: Path) -> None:
    huge = {"name": "Llama-3.1-405B", "source": "pvc://weights/huge"}
    wish = deployment(model=huge, quantization="BF16", pools=PLACE)
    candidate = judged(tmp_path, pool(), node("n0"), wish)["candidates"][0]
    assert (candidate["verdict"], candidate["reason"]) == ("NoCapacity", "InsufficientDevices")
    assert candidate["message"].startswith("a replica needs 2 whole nodes of 8 devices, the pool has 1; add 1, ")


@pytest.mark.parametrize("name", ["Qwen3-32", "qwen3_32b", "DeepSeekR1"])
def test_a_model_that_is_misspelt_is_guessed(tmp_path: Path, name: str) -> None:
    item = judged(tmp_path, pool(), node("n0"), deployment(model={"name": name, "source": "pvc://weights/x"}))
    assert item["candidates"][0]["reason"] == "ModelUnknown"
    assert "meant?" in item["candidates"][0]["message"]


def test_names_that_would_collide_after_truncation_are_refused(tmp_path: Path) -> None:
    long = "a" * 48
    found = document("plan", "--offline", "-f", write(tmp_path, [pool(), node("n0"), deployment(long), deployment(long + "b")]))
    for item in found["items"]:
        assert (item["placed"], item["reason"]) == (False, "Misconfigured")
        assert "more than 40 characters" in item["message"]


def test_equal_names_in_two_namespaces_are_two_deployments(tmp_path: Path) -> None:
    found = document("plan", "--offline", "-f", write(tmp_path, [pool(), node("n0"), deployment(), deployment(namespace="b")]))
    assert [item["placed"] for item in found["items"]] == [True, True]


def test_a_document_twice_counts_once_and_the_last_one_wins(tmp_path: Path) -> None:
    found = document("plan", "--offline", "-f", write(tmp_path, [pool(), node("n0"), deployment(), deployment(replicas=2)]))
    assert [item["replicas"] for item in found["items"]] == [2]


junk = st.none() | st.booleans() | st.integers(-5, 10**9) | st.text(max_size=6) | st.just([]) | st.just({})
FIELDS = {
    "ModelDeployment": ("model", "quantization", "pools", "maxModelLen", "replicas", "scaling", "slo", "priority", "placement"),
    "AcceleratorPool": ("accelerator", "resourceName", "nodeSelector", "price", "limits", "tolerations", "driver"),
}


@st.composite
def broken(draw: st.DrawFn) -> dict[str, Any]:
    """A manifest with a field that may be anything."""
    made = draw(st.sampled_from([deployment(), pool(), deployment("other", scaling={"minReplicas": 0, "maxReplicas": 2})]))
    field = draw(st.sampled_from(FIELDS[made["kind"]]))
    return {**made, "spec": {**made["spec"], field: draw(junk)}}


@st.composite
def strange_nodes(draw: st.DrawFn) -> dict[str, Any]:
    """A node with a status that may be anything."""
    made = node("strange")
    return {**made, "status": {**made["status"], draw(st.sampled_from(("allocatable", "capacity", "conditions"))): draw(junk)}}


@st.composite
def mangled(draw: st.DrawFn) -> dict[str, Any]:
    """A manifest or a list with a part of the object itself that may be anything."""
    made = draw(st.sampled_from([deployment(), pool(), node("n1"), {"kind": "List", "items": [pool()]}]))
    inner = draw(st.sampled_from([{}, {"labels": draw(junk)}, {"name": draw(junk)}, {"namespace": draw(junk)}]))
    made = {**made, "metadata": {**made.get("metadata", {}), **inner}}
    if inner:
        return made
    part = draw(st.sampled_from(("apiVersion", "kind", "metadata", "spec", "status", "items")))
    return {**made, part: draw(junk | st.lists(junk, max_size=2) | st.dictionaries(st.text(max_size=3), junk, max_size=2))}


@settings(max_examples=100)
@given(st.lists(broken() | strange_nodes() | mangled(), min_size=1, max_size=3))
def test_any_manifest_gives_a_plan_or_one_line(manifests: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        result = matrix("plan", "--offline", "-f", write(Path(folder), [pool(), node("n0"), *manifests]))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (0, 1, 2)
    if result.exit_code == 1:
        assert result.output.startswith("error: ")
        assert result.output.count("\n") == 1
