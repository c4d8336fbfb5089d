"""A forgotten or contradictory fact is refused when the catalogue is loaded, with the file and the field."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from catalogue_data import BUILTIN, Content, data_folder, edit
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.catalogue.loader import CatalogueError, builtin, load


def test_the_catalogue_is_read_once() -> None:
    assert isinstance(builtin(), Catalogue)
    assert builtin() is builtin()


def test_a_copy_of_the_data_is_the_same_catalogue(tmp_path: Path) -> None:
    assert vars(load(data_folder(tmp_path / "data")))["engines"] == builtin().engines


def test_an_accelerator_has_its_vendors_launch_time_unless_its_file_gives_one(tmp_path: Path) -> None:
    data = data_folder(tmp_path / "data")
    edit(data, "accelerators/l4-24g.yaml", lambda content: content.update(launchSecondsPerLayer=1e-5))
    accelerators = load(data).accelerators
    assert accelerators["l4-24g"].launch_seconds_per_layer == 1e-5
    assert accelerators["l40s-48g"].launch_seconds_per_layer == builtin().vendors["nvidia"].launch_seconds_per_layer


@pytest.mark.parametrize(
    "name",
    [
        "vendors/nvidia.yaml",
        "families/hopper.yaml",
        "accelerators/h20-96g.yaml",
        "models/qwen3-8b.yaml",
        "engines/vllm.yaml",
        "engines/vllm-ascend.yaml",
        "dialects/vllm.yaml",
        "formats.yaml",
        "histograms.yaml",
    ],
)
def test_a_typo_in_a_file_is_refused(name: str, tmp_path: Path) -> None:
    data = data_folder(tmp_path / "data")
    edit(data, name, lambda content: content.update(tpyo=1))
    with pytest.raises(CatalogueError, match=rf"catalogue file {name}: (.|\n)*tpyo"):
        load(data)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    data = data_folder(tmp_path / "data")
    (data / "vendors" / "nobody.yaml").write_text("")
    with pytest.raises(CatalogueError, match=r"vendors/nobody\.yaml: it does not hold the fields of an entry"):
        load(data)


def _drop(field: str) -> Callable[[Content], object]:
    return lambda content: content.pop(field)


def _set(field: str, value: object) -> Callable[[Content], object]:
    return lambda content: content.update({field: value})


def _support(quantization: str, entry: Content) -> Callable[[Content], object]:
    return lambda content: content["support"].update({quantization: entry})


def _images(*families: str) -> Callable[[Content], object]:
    return _set("images", [{"families": list(families), "image": "engine:1"}])


def _argument(word: str, **when: list[str]) -> Callable[[Content], object]:
    return _set("arguments", [{"args": [word], "when": when}])


def _configuration(content: Content) -> Callable[[Content], object]:
    return _set("configuration", {"path": "/config.json", "content": content})


def _supports(**families: list[str]) -> Callable[[Content], object]:
    return lambda content: content["architectures"].update(families=families)


REFUSALS = [
    ("vendors/nvidia.yaml", _drop("launchSecondsPerLayer"), "launchSecondsPerLayer *Field required"),
    ("vendors/nvidia.yaml", _set("launchSecondsPerLayer", 0), "launchSecondsPerLayer *Input should be greater than 0"),
    ("vendors/nvidia.yaml", _set("sources", []), "sources *Tuple should have at least 1 item"),
    ("families/ada.yaml", _set("id", "hopper"), "id: hopper is already the name of families/ada.yaml"),
    ("families/ada.yaml", _set("vendor", "zap"), "vendor: no file in vendors has the id zap"),
    ("families/ada.yaml", lambda content: content["support"].pop("MXFP4"), "support: MXFP4 is missing"),
    ("families/ada.yaml", _support("FP8", {"engines": {"vLM": ""}}), "support.FP8: no file in engines has the name vLM"),
    ("families/ada.yaml", _support("FP8", {"unlisted": ["MindIE"]}), "support.FP8: MindIE does not list nvidia in its vendors"),
    ("families/ada.yaml", _support("W4A8", {"why": "none"}), "support.W4A8: an entry without engines needs why and instead"),
    ("accelerators/l4-24g.yaml", _set("vendor", "zap"), "vendor: no file in vendors has the id zap"),
    ("accelerators/l4-24g.yaml", _set("family", "adda"), "family: no file in families has the id adda"),
    ("accelerators/l4-24g.yaml", _set("family", "ascend-a3"), "vendor: nvidia, but the family ascend-a3 is of huawei"),
    ("accelerators/l4-24g.yaml", _set("deviceCounts", [1, 2]), "deviceCounts: the last one must be devicesPerNode, 8"),
    ("accelerators/l4-24g.yaml", _set("sources", []), "sources *Tuple should have at least 1 item"),
    ("accelerators/l4-24g.yaml", _set("evidence", ""), "evidence *String should have at least 1 character"),
    ("accelerators/l4-24g.yaml", _set("resources", []), "resources *Tuple should have at least 1 item"),
    ("accelerators/l4-24g.yaml", _set("id", "L40S-48G"), "id: l40s-48g is already the name of accelerators/l4-24g.yaml"),
    ("models/qwen3-4b.yaml", _set("aliases", ["qwen/qwen3-8b"]), "id or aliases: Qwen/Qwen3-8B is already the name of"),
    ("models/qwen3-4b.yaml", _set("architecture", "Qwen9"), "architecture: no engine in engines lists Qwen9"),
    ("models/qwen3-4b.yaml", _set("sources", []), "sources: none is given"),
    ("formats.yaml", lambda content: content["formats"].pop("GGUF"), "formats: GGUF is missing"),
    ("engines/vllm.yaml", _set("dialect", "vlm"), "dialect: no file in dialects has the name vlm"),
    ("engines/vllm.yaml", _set("vendors", ["nvidia", "zap"]), "vendors: no file in vendors has the id zap"),
    ("engines/vllm.yaml", _set("vendors", ["nvidia", "huawei"]), "images: none is for a family or an accelerator of huawei"),
    ("engines/tei.yaml", _images("addda"), "images: addda is neither a family nor an accelerator"),
    ("engines/tei.yaml", _images("ada", "ascend-a3"), "images: ascend-a3 is of huawei, which vendors does not list"),
    ("engines/tei.yaml", _set("rank", 1), "rank: 1 is already that of engines/tei.yaml on nvidia"),
    ("engines/tei.yaml", _set("name", "vllm"), "name: vLLM is already the name of engines/tei.yaml"),
    ("engines/tei.yaml", _set("tasks", ["Guess"]), "tasks"),
    ("engines/tei.yaml", _set("schemes", ["ftp"]), "schemes"),
    ("engines/tei.yaml", _argument("{modle}"), "arguments: '{modle}': 'modle' is not a template variable"),
    ("engines/tei.yaml", _argument('{"a": 1'), "arguments: .*; a literal brace is doubled"),
    ("engines/tei.yaml", _argument("--x", vendro=["nvidia"]), "arguments: --x: when: vendro is not a template variable"),
    ("engines/tei.yaml", _argument("--x", family=["hoper"]), "arguments: --x: when: family is never hoper; it is one of ada, "),
    ("engines/tei.yaml", _argument("--x", multi_node=["yes"]), "when: multi_node is never yes; it is one of false, true"),
    ("engines/tei.yaml", _set("environment", [{"name": "X", "value": "{x}"}]), "environment: X: '{x}': 'x' is not a template"),
    ("engines/mindie.yaml", _configuration({"a": ["{b}"]}), "configuration: '{b}': 'b' is not a template variable"),
    ("engines/vllm.yaml", _supports(hoper=["X"]), "architectures.families: no file in families has the id hoper"),
    ("engines/vllm-ascend.yaml", _set("extends", "vLM"), "extends: vLM is not an engine, or extends this one itself"),
    ("engines/vllm-ascend.yaml", _set("extends", "vLLM-Ascend"), "extends: vLLM-Ascend is not an engine, or extends this one"),
    ("engines/vllm-ascend.yaml", _set("environment", [{"remove": ["X"]}]), "environment: 'X' is not the key of one inherited"),
]


@pytest.mark.parametrize(("name", "change", "message"), REFUSALS, ids=[f"{name} {message}" for name, _, message in REFUSALS])
def test_a_wrong_or_missing_fact_is_refused(
    name: str, change: Callable[[Content], object], message: str, tmp_path: Path
) -> None:
    data = data_folder(tmp_path / "data")
    edit(data, name, change)
    with pytest.raises(CatalogueError) as error:
        load(data)
    text = re.sub(r"\n(?!catalogue file)", " ", str(error.value))
    assert re.search(f"catalogue file .*{message}", text), text
    assert name in text


def test_a_vendor_without_an_engine_is_refused(tmp_path: Path) -> None:
    data = data_folder(tmp_path / "data")
    (data / "vendors" / "zap.yaml").write_text("{id: zap, launchSecondsPerLayer: 1.0e-4, sources: [none]}")
    with pytest.raises(CatalogueError, match=r"vendors/zap\.yaml: id: no engine in engines lists zap in its vendors"):
        load(data)


def test_all_problems_are_listed_at_once(tmp_path: Path) -> None:
    data = data_folder(tmp_path / "data")
    edit(data, "families/ada.yaml", lambda content: content["support"].clear())
    with pytest.raises(CatalogueError) as error:
        load(data)
    assert str(error.value).count("catalogue file families/ada.yaml: support: ") == 14


def test_the_data_of_the_package_is_the_folder_that_tests_copy() -> None:
    assert (BUILTIN / "histograms.yaml").is_file()
