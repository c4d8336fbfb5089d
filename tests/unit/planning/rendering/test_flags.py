"""Rendered command lines against what the engines' own programs accept."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

from modelmatrix.catalogue.engine_version import is_since, version_of
from modelmatrix.catalogue.loader import builtin
from rendered import CASES, Case, leader, pods, workload

FLAGS = Path(__file__).parents[3] / "reference" / "flags"
FILES = {"vllm": "vllm-0.32.0.txt", "sglang": "sglang-0.5.23.txt", "tei": "tei.txt", "llama-cpp": "llama-cpp.txt"}
# Choices that vLLM-Ascend adds to vLLM's own: it registers the quantization of ModelSlim.
ADDED = {("--quantization", "ascend")}

OnCommandLine = list[tuple[str, list[str]]]


@cache
def vllm_options() -> dict[str, str]:
    """Options of ``vllm serve`` by name, with the text that follows each: its values in braces, if it has choices."""
    options: dict[str, str] = {}
    text = (FLAGS / FILES["vllm"]).read_text(encoding="utf-8")
    for line in re.findall(r"^  (-[^\n]*(?:\n {8,}[^\n]*)*)", text, re.MULTILINE):
        for name in re.findall(r"(?<![\w-])(--[\w-]+)", line.split("  ")[0]):
            options[name] = line
    return options


@cache
def known_options(dialect: str) -> frozenset[str]:
    if dialect == "vllm":
        return frozenset(vllm_options())
    return frozenset(re.findall(r"--[\w-]+", (FLAGS / FILES[dialect]).read_text(encoding="utf-8")))


def split(arguments: list[str]) -> OnCommandLine:
    """Options with their values."""
    found: OnCommandLine = []
    for text in arguments:
        if text.startswith("--"):
            found.append((text, []))
        elif found:
            found[-1][1].append(text)
    return found


COMMAND_LINES = [
    pytest.param(case, pod["spec"]["containers"][0]["args"], id=f"{case.name} {index}")
    for case in CASES
    if not case.name.startswith(("mindie", "bank"))
    for index, pod in enumerate(pods(workload(case)))
]


def dialect_of(case: Case) -> str:
    return builtin().engines[workload(case)["metadata"]["labels"]["modelmatrix.io/engine"]].dialect


@pytest.mark.parametrize(("case", "arguments"), COMMAND_LINES)
def test_every_option_is_known_and_given_once(case: Case, arguments: list[str]) -> None:
    names = [name for name, _ in split(arguments)]
    assert sorted(set(names)) == sorted(names)
    assert set(names) <= known_options(dialect_of(case))


@pytest.mark.parametrize(("case", "arguments"), COMMAND_LINES)
def test_values_of_vllms_options_are_among_their_choices(case: Case, arguments: list[str]) -> None:
    if dialect_of(case) != "vllm":
        return
    for name, values in split(arguments):
        choices = re.search(rf"{name} \{{([^}}]*)\}}", vllm_options()[name])
        if choices and (name, values[0]) not in ADDED:
            assert values[0] in [choice.strip() for choice in choices[1].split(",")]


@pytest.mark.parametrize(("case", "arguments"), COMMAND_LINES)
def test_several_values_are_given_only_where_an_option_takes_them(case: Case, arguments: list[str]) -> None:
    taken = re.findall(r"^(--\S+).* \.\.\.$", (FLAGS / FILES["sglang"]).read_text(encoding="utf-8"), re.MULTILINE)
    for name, values in split(arguments):
        assert len(values) <= 1 or name in taken, name
        if dialect_of(case) == "sglang" and name.startswith("--bucket-"):
            assert len(values) > 10
            assert [float(value) for value in values] == sorted(float(value) for value in values)


@pytest.mark.parametrize("case", [case for case in CASES if case.name.startswith("vllm")], ids=lambda case: case.name)
def test_vllm_is_given_one_fixed_set_of_histogram_buckets(case: Case) -> None:
    container = leader(workload(case))
    options = dict(split(container["args"]))
    if not is_since(version_of(container["image"]), builtin().dialects["vllm"].given_since):
        assert "--custom-histogram-buckets" not in options, "an engine that does not know a flag does not start"
        return
    values = options["--custom-histogram-buckets"]
    given = json.loads(values[0])
    assert given == builtin().histograms.model_dump(mode="json", by_alias=False)
    families = re.search(r"Known\s+families:(.*?)\.\s+Example", vllm_options()["--custom-histogram-buckets"], re.DOTALL)
    assert families
    assert set(given) <= set(re.findall(r"`(\w+)`", families[1]))


def test_an_slo_changes_no_argument() -> None:
    case = CASES[0]
    with_slo = Case(case.name, case.chip, case.model, case.quantization, spec={"slo": {"ttftMilliseconds": 777}})
    assert leader(workload(with_slo))["args"] == leader(workload(case))["args"]


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("quay.io/ascend/vllm-ascend:v0.23.0-a3", (0, 23)),
        ("registry.bank.local:5000/vllm-ascend:v0.18.0-bank1", (0, 18)),
        ("vllm/vllm-openai:v1.2.3", (1, 2)),
        ("registry.bank.local:5000/vllm", None),
        ("vllm/vllm-openai:latest", None),
        ("vllm/vllm-openai@sha256:0123456789", None),
    ],
)
def test_versions_are_read_from_tags(image: str, version: tuple[int, int] | None) -> None:
    assert version_of(image) == version


@pytest.mark.parametrize(
    ("image", "unknown"),
    [
        ("registry.bank.local/vllm-ascend:v0.17.0", {"--shutdown-timeout", "--custom-histogram-buckets"}),
        ("registry.bank.local/vllm-ascend:v0.23.0-a2", {"--custom-histogram-buckets"}),
        ("registry.bank.local/vllm-ascend:v0.32.1", set()),
        ("registry.bank.local/vllm-ascend@sha256:00", set()),
    ],
)
def test_an_older_image_is_not_given_flags_that_it_does_not_know(image: str, unknown: set[str]) -> None:
    case = Case("older", "910b-64g", "Qwen3-32B", "W8A8", pool={"images": {"vLLM-Ascend": image}})
    given = {name for name, _ in split(leader(workload(case))["args"])}
    assert {"--shutdown-timeout", "--custom-histogram-buckets"} - given == unknown
