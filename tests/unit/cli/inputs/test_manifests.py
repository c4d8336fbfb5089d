"""Documents of files: strict about ours, patient with others'."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands import deployment, node, pool, write
from modelmatrix.api import names
from modelmatrix.cli.errors import CliError
from modelmatrix.cli.inputs.manifests import read_manifests


def test_folders_are_read_with_all_below_them(tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    write(tmp_path, [pool(), deployment()])
    write(tmp_path / "local", [node("n0")])
    (tmp_path / "README.md").write_text("no manifest", encoding="utf-8")
    (tmp_path / "values.yaml").write_text("replicas: 2\n", encoding="utf-8")
    found = read_manifests([str(tmp_path)], namespace="default")
    assert [item["kind"] for item in found.items] == ["AcceleratorPool", "ModelDeployment", "Node"]
    assert [item["metadata"]["name"] for item in found.of_kind(names.NODES)] == ["n0"]


def test_lists_are_taken_apart_and_namespaces_filled_in(tmp_path: Path) -> None:
    wish = deployment()
    del wish["metadata"]["namespace"]
    path = write(tmp_path, [{"apiVersion": "v1", "kind": "List", "items": [wish, pool()]}])
    found = read_manifests([path], namespace="retail")
    assert [item["metadata"].get("namespace") for item in found.items] == ["retail", None]


def refused(folder: Path, text: str) -> str:
    """What is said of a file that cannot be used: one line, which begins with the file."""
    path = folder / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CliError) as caught:
        read_manifests([str(path)], namespace="default")
    assert "\n" not in caught.value.message
    assert caught.value.message.startswith(f"{path}: ")
    return caught.value.message.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "cannot be read"),
        ("a: 2026-13-45", "cannot be read"),
        ("- 1\n", "holds something that is not an object"),
        ("kind: List\n", "a List needs a list of objects in items"),
        ("kind: List\nitems: {a: b}\n", "a List needs a list of objects in items"),
        ("kind: List\nitems: [text]\n", "items[0] of a List is not an object"),
        ("kind: Node\n", "Node without metadata.name"),
        ("kind: Node\nmetadata: {name: a}\n", "Node a: apiVersion must be v1, not None"),
        ("kind: ModelDeployment\nmetadata: {name: a}\n", "apiVersion must be modelmatrix.io/v1alpha1, not None"),
    ],
)
def test_what_cannot_be_used_is_one_line(text: str, words: str, tmp_path: Path) -> None:
    assert words in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": "x"}, "Node n0: status must be an object with fields"),
        ({"spec": ["x"]}, "Node n0: spec must be an object with fields"),
        ({"metadata": {"name": "n0", "labels": ["a=b"]}}, "Node n0: metadata.labels must be a map of text to text"),
        ({"metadata": {"name": "n0", "labels": {"a": 1}}}, "Node n0: metadata.labels must be a map of text to text"),
    ],
)
def test_a_node_in_another_form_is_one_line(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    assert words in refused(tmp_path, yaml.safe_dump(node("n0") | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "Chat_1"}, "metadata.name must begin with a letter and hold only a-z, 0-9 and -"),
        ({"name": "1chat"}, "it names a Service"),
        ({"name": "chat-"}, "none at its end"),
        ({"name": 7}, "metadata.name must be text: quote it"),
        ({"namespace": "Bank"}, "metadata.namespace must hold only a-z, 0-9 and -, and begin and end"),
        ({"namespace": "b" * 64}, "at most 63 characters"),
        ({"namespace": 8}, "metadata.namespace must hold only"),
    ],
)
def test_names_that_the_api_server_refuses_are_refused(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    made = deployment()
    assert words in refused(tmp_path, yaml.safe_dump(made | {"metadata": made["metadata"] | changes}))


def test_names_of_pools_and_nodes_are_checked_too(tmp_path: Path) -> None:
    assert "AcceleratorPool Ascend: metadata.name must hold only" in refused(tmp_path, yaml.safe_dump(pool("Ascend")))
    assert "Node n_0: metadata.name must hold only" in refused(tmp_path, yaml.safe_dump(node("n_0")))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"maxModelLength": 4096}, "spec: unknown field 'maxModelLength'; did you mean maxModelLen?"),
        ({"max_model_len": 4096}, "spec: unknown field 'max_model_len'; did you mean maxModelLen?"),
        ({"scaling": {"maxReplica": 3}}, "spec.scaling: unknown field 'maxReplica'; did you mean maxReplicas?"),
        ({"pools": [{"name": "a", "zone": 1}]}, "spec.pools[0]: unknown field 'zone'; known are name, quantization, source"),
        ({"model": {"name": "Qwen3-32B"}}, "spec.model.source: is required"),
        (
            {"model": {"name": "a", "source": "/mnt/a"}},
            "spec.model.source: '/mnt/a' is not a valid source: write scheme://path",
        ),
        ({"pools": [{"name": "a", "source": "x"}]}, "e.g. pvc://CLAIM/PATH"),
        ({"costCenter": 8800}, "spec.costCenter: must be text, not 8800: quote it"),
        ({"suspend": "yes"}, "spec.suspend: must be true or false, not 'yes'"),
        ({"replicas": "3"}, "spec.replicas: must be a whole number, not '3'"),
        ({"replicas": -1}, "spec.replicas: must be at least 0, not -1"),
        ({"priority": "P4"}, "spec.priority: must be one of P0, P1, P2, P3, not 'P4'"),
        ({"pools": []}, "spec.pools: must not be empty"),
        ({"pools": "ascend-a"}, "spec.pools: must be a list, not 'ascend-a'"),
        ({"tenant": "a b"}, "spec.tenant: 'a b' is not valid: Business line for quota, cost and dashboards"),
    ],
)
def test_a_mistake_in_a_spec_is_told_in_words_of_its_author(spec: dict[str, Any], words: str, tmp_path: Path) -> None:
    said = refused(tmp_path, yaml.safe_dump(deployment(**spec)))
    assert said.startswith(f"ModelDeployment chat: {words}") or words in said


def test_a_spec_that_is_missing_or_has_odd_keys_is_one_line(tmp_path: Path) -> None:
    assert "spec: must be an object with fields, not null" in refused(tmp_path, yaml.safe_dump(pool() | {"spec": None}))
    assert "name is not text" in refused(tmp_path, yaml.safe_dump(pool(nodeSelector={date(2026, 1, 1): "a"})))


def test_kinds_of_others_are_left_out_whatever_they_look_like(tmp_path: Path) -> None:
    path = write(tmp_path, [pool(), {"kind": "Kustomization"}, {"apiVersion": "longhorn.io/v1beta2", "kind": "Node"}])
    assert [item["kind"] for item in read_manifests([path], namespace="default").items] == ["AcceleratorPool"]


def test_files_without_anything_to_plan_with_are_named(tmp_path: Path) -> None:
    first, second = write(tmp_path, [{"apiVersion": "v1", "kind": "ConfigMap"}]), write(tmp_path, [], "empty")
    with pytest.raises(CliError, match=f"^no ModelDeployment, pool, profile or node in {first}, {second}$"):
        read_manifests([first, second], namespace="default")


def test_a_status_is_what_the_operator_says_and_not_what_a_file_says(tmp_path: Path) -> None:
    path = write(tmp_path, [deployment() | {"status": {"desiredReplicas": 4, "conditions": 5}}, node("n0")])
    assert ["status" in item for item in read_manifests([path], namespace="default").items] == [False, True]


def test_an_empty_namespace_is_the_default_one(tmp_path: Path) -> None:
    made = deployment()
    made["metadata"]["namespace"] = None
    (found,) = read_manifests([write(tmp_path, [made])], namespace="retail").items
    assert found["metadata"]["namespace"] == "retail"


def test_a_path_that_is_not_there_is_named() -> None:
    with pytest.raises(CliError, match="/nowhere: no such file or folder"):
        read_manifests(["/nowhere"], namespace="default")
