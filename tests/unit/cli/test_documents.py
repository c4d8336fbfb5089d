"""Documents of files: strict about ours, patient with others'."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import deployment, node, pool, write
from modelmatrix.api import names
from modelmatrix.cli.documents import read_documents
from modelmatrix.cli.errors import CliError


def test_folders_are_read_with_all_below_them(tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    write(tmp_path, [pool(), deployment()])
    write(tmp_path / "local", [node("n0")])
    (tmp_path / "README.md").write_text("no manifest", encoding="utf-8")
    (tmp_path / "values.yaml").write_text("replicas: 2\n", encoding="utf-8")
    found = read_documents([str(tmp_path)], namespace="default")
    assert [item["kind"] for item in found.items] == ["AcceleratorPool", "ModelDeployment", "Node"]
    assert [item["metadata"]["name"] for item in found.of(names.NODES)] == ["n0"]


def test_lists_are_taken_apart_and_namespaces_filled_in(tmp_path: Path) -> None:
    wish = deployment()
    del wish["metadata"]["namespace"]
    path = write(tmp_path, [{"apiVersion": "v1", "kind": "List", "items": [wish, pool()]}])
    found = read_documents([path], namespace="retail")
    assert [item["metadata"].get("namespace") for item in found.items] == ["retail", None]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "cannot be read"),
        ("- 1\n", "holds something that is no object"),
        ("kind: Node\n", "Node without metadata.name"),
        ("kind: ModelDeployment\nmetadata: {name: a}\n", "apiVersion must be modelmatrix.io/v1alpha1, not None"),
        (
            "apiVersion: modelmatrix.io/v1alpha1\nkind: AcceleratorPool\nmetadata: {name: a}\nspec: {accelerater: h20-96g}\n",
            "AcceleratorPool a: spec.accelerator: Field required",
        ),
    ],
)
def test_what_cannot_be_used_is_one_line(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CliError) as caught:
        read_documents([str(path)], namespace="default")
    assert words in caught.value.message
    assert "\n" not in caught.value.message


def test_a_typo_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CliError, match=r"spec\.maxModelLength: Extra inputs are not permitted"):
        read_documents([write(tmp_path, [deployment(maxModelLength=4096)])], namespace="default")


def test_a_path_that_is_not_there_is_named() -> None:
    with pytest.raises(CliError, match="/nowhere: no such file or folder"):
        read_documents(["/nowhere"], namespace="default")
