"""``kubectl matrix profile``: what a user types and reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from commands import deployment, document, node, pool, write
from modelmatrix.cli.main import main

ROWS = yaml.safe_load((Path(__file__).parents[3] / "reference" / "configs.yaml").read_text(encoding="utf-8"))
QWEN = next(row["config"] for row in ROWS if row["model"] == "Qwen/Qwen3-32B")


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["profile", *arguments], input=stdin)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as a repository of a model has it."""
    made = tmp_path / "WenXin_32B"
    made.mkdir()
    (made / "config.json").write_text(json.dumps(QWEN), encoding="utf-8")
    return made


def test_a_folder_becomes_an_object_named_after_it(folder: Path, golden: Any) -> None:
    result = run(str(folder), "--alias", "Bank/WenXin-32B", "--max-model-len", "16384")
    assert result.exit_code == 0
    manifest = yaml.safe_load(result.output)
    assert manifest["spec"].pop("sources") == [f"{folder} (config)"]
    golden("cli/profile", manifest)


@pytest.mark.parametrize(
    ("config", "arguments", "name"),
    [
        ({}, ["--name", "own"], "own"),
        ({"_name_or_path": "/data/Bank/WenXin-7B.v2/"}, [], "wenxin-7b.v2"),
        ({}, [], "wenxin-32b"),
    ],
)
def test_the_name_is_given_or_found(folder: Path, config: dict[str, str], arguments: list[str], name: str) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(QWEN | config), encoding="utf-8")
    assert yaml.safe_load(run(str(path), *arguments).output)["metadata"]["name"] == name


def test_the_standard_input_needs_a_name() -> None:
    assert json.loads(run("-", "--name", "own", "-o", "json", stdin=json.dumps(QWEN)).output)["metadata"]["name"] == "own"
    unnamed = run("-", stdin=json.dumps(QWEN))
    assert (unnamed.exit_code, unnamed.output) == (1, "error: the model has no name: set one with --name\n")


def test_a_profile_is_planned_like_a_built_in_model(folder: Path, tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "model.yaml").write_text(run(str(folder), "--name", "wenxin-32b").output, encoding="utf-8")
    estate = {"accelerator": "910b-64g", "resourceName": "huawei.com/Ascend910", "nodeSelector": {"pool": "a"}}
    spec = {
        "model": {"name": "WenXin-32B-W8A8", "source": "pvc://weights/wenxin"},
        "quantization": "W8A8",
        "pools": [{"name": "a"}],
    }
    allocatable = {"huawei.com/Ascend910": "8"}
    documents = [
        {"apiVersion": "modelmatrix.io/v1alpha1", "kind": "AcceleratorPool", "metadata": {"name": "a"}, "spec": estate},
        {"apiVersion": "modelmatrix.io/v1alpha1", "kind": "ModelDeployment", "metadata": {"name": "chat"}, "spec": spec},
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": "n", "labels": {"pool": "a"}},
            "status": {"allocatable": allocatable, "capacity": allocatable},
        },
    ]
    (files / "matrix.yaml").write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    result = CliRunner().invoke(main, ["plan", "--offline", "-f", str(files), "-o", "json"])
    (item,) = json.loads(result.output)["items"]
    assert (result.exit_code, item["placed"], item["model"]) == (0, True, "wenxin-32b")


def test_a_banks_own_engine_is_planned_like_a_built_in_one(tmp_path: Path) -> None:
    image = "registry.bank.local/vllm-ascend:v0.23.0-bank1"
    profile = {
        "apiVersion": "modelmatrix.io/v1alpha1",
        "kind": "EngineProfile",
        "metadata": {"name": "bank-vllm"},
        "spec": {"base": "vLLM-Ascend", "images": [{"accelerator": "ascend-910b", "image": image}]},
    }
    wish = deployment(pools=[{"name": "ascend-a", "engine": "bank-vllm"}])
    (item,) = document("plan", "--offline", "-f", write(tmp_path, [pool(), node("n0"), profile, wish]))["items"]
    assert (item["placed"], item["placements"][0]["engine"], item["placements"][0]["image"]) == (True, "bank-vllm", image)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not valid JSON"),
        ("[]", "is not an object, so it is not a config.json"),
        ('{"architectures": ["GPT7ForCausalLM"]}', "architecture GPT7ForCausalLM is not known"),
        (json.dumps(QWEN | {"num_hidden_layers": 10**9}), "spec.layers: must be at most 10000000"),
    ],
)
def test_errors_are_one_line(folder: Path, text: str, words: str) -> None:
    path = folder / "config.json"
    path.write_text(text, encoding="utf-8")
    result = run(str(path))
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert result.output.startswith("error: ")
    assert words in result.output


def test_a_file_that_is_not_there_is_named() -> None:
    assert run("/nowhere/config.json").output == "error: /nowhere/config.json: no such file\n"
