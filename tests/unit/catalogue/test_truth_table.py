"""Which weights run where, cell by cell, against a table written by hand from the engines' own documents.

Sources: vllm-project/vllm docs/features/quantization, vllm-project/vllm-ascend quantization guide and support matrix,
NVIDIA/TensorRT-LLM docs/source/features/quantization.md, vllm-project/recipes, the gpustack lab. A name is an engine
that runs the weights, a name with a question mark one whose documents are silent, ``-`` says that none runs them.
"""

from __future__ import annotations

import re

import pytest

from modelmatrix.api.model_deployment import Quantization, UnlistedPolicy
from modelmatrix.api.reasons import Reason
from modelmatrix.api.weights_source import Scheme
from modelmatrix.catalogue.accelerators import Accelerator
from modelmatrix.catalogue.loader import builtin
from modelmatrix.planning.feasibility.fit import FitRequest, FitResult, fit
from modelmatrix.planning.feasibility.verdict import Verdict

FAMILIES = ["ampere", "ada", "hopper", "blackwell", "ascend-910b", "ascend-a3", "ascend-310p", "ascend-910a", "ascend-950"]
V, S, A, M = "vLLM", "SGLang", "vLLM-Ascend", "MindIE"
BOTH, ASCEND, SILENT = f"{V} {S}", f"{A} {M} {S}", f"{A} {M}? {S}?"
TABLE = {
    # ampere, ada, hopper, blackwell, 910b, a3, 310p, 910a, 950
    "BF16": [BOTH, BOTH, BOTH, BOTH, ASCEND, ASCEND, "-", "-", SILENT],
    "FP16": [f"{BOTH} TEI", f"{BOTH} TEI", f"{BOTH} TEI", f"{BOTH} TEI", ASCEND, ASCEND, f"{A} {M}", M, SILENT],
    "FP8": [V, BOTH, BOTH, BOTH, "-", "-", "-", "-", "-"],
    "W8A8": [BOTH, BOTH, BOTH, "-", ASCEND, ASCEND, f"{A} {M}", M, SILENT],
    "W8A8SC": ["-", "-", "-", "-", "-", "-", f"{A} {M}", "-", "-"],
    "W8A16": [f"{V} {S}?"] * 4 + [f"{A} {M} {S}?", f"{A} {M} {S}?", "-", f"{M}?", f"{A}? {M}?"],
    "W4A16": [BOTH, BOTH, BOTH, BOTH, SILENT, SILENT, "-", "-", SILENT],
    "AWQ": [BOTH, BOTH, BOTH, BOTH, "-", "-", "-", "-", "-"],
    "GPTQ": [BOTH, BOTH, BOTH, BOTH, "-", "-", "-", "-", "-"],
    "W4A8": ["-", "-", S, f"{S}?", SILENT, SILENT, "-", "-", f"{A}?"],
    "INT4": [f"{V} {S}?", BOTH, BOTH, BOTH, "-", f"{A} {S}?", "-", "-", f"{A}?"],
    "MXFP4": [V, V, BOTH, BOTH, "-", "-", "-", "-", SILENT],
    "NVFP4": ["-", "-", V, BOTH, "-", "-", "-", "-", "-"],
    "GGUF": [f"llama.cpp {V}", f"llama.cpp {V}", f"llama.cpp {V}", f"llama.cpp {V}?", "-", "-", "-", "-", "-"],
}
CELLS = [
    pytest.param(quantization, family, cell, id=f"{quantization} {family}")
    for quantization, row in TABLE.items()
    for family, cell in zip(FAMILIES, row, strict=True)
]
CHIPS = {"ampere": "a100-80g", "ada": "l40s-48g", "hopper": "h20-96g", "blackwell": "b200-180g", "ascend-910b": "910b-64g"}
CHIPS |= {"ascend-a3": "a3-die-64g", "ascend-310p": "310p3-duo-48g", "ascend-910a": "910a-32g", "ascend-950": "950pr-128g"}


def test_the_table_is_complete() -> None:
    assert set(TABLE) == set(Quantization)
    assert set(FAMILIES) == {chip.family for chip in builtin().accelerators.values()} == set(CHIPS)
    for rows in builtin().compatibility.support.values():
        assert set(rows) == set(FAMILIES)
    assert set(builtin().compatibility.formats) == set(Quantization)


@pytest.mark.parametrize(("quantization", "family", "expected"), CELLS)
def test_a_cell_names_the_engines_that_run_it(quantization: str, family: str, expected: str) -> None:
    cell = builtin().compatibility.support[Quantization(quantization)][family]
    found = {*cell.engines, *(f"{name}?" for name in cell.unlisted)} or {"-"}
    assert found == set(expected.split())


@pytest.mark.parametrize(("quantization", "family", "expected"), CELLS)
def test_the_planner_says_what_the_table_says(quantization: str, family: str, expected: str) -> None:
    judged = ask(quantization, CHIPS[family])
    listed = [name for name in expected.split() if not name.endswith("?") and name not in ("-", "TEI")]
    if listed and family != "ascend-910a":
        assert judged.verdict is Verdict.FITS, judged.message
        assert judged.engine in listed
        return
    assert judged.verdict is (Verdict.UNLISTED if "?" in expected and family != "ascend-910a" else Verdict.IMPOSSIBLE)
    assert judged.reason in (Reason.QUANTIZATION_UNSUPPORTED, Reason.UNLISTED)
    assert quantization in judged.message
    assert "use " in judged.message


@pytest.mark.parametrize("quantization", ["FP16", "W8A8"])
def test_an_engine_without_an_image_for_the_chip_says_so(quantization: str) -> None:
    """MindIE runs on the 910A, but no image is published: a bank brings its own."""
    judged = ask(quantization, "910a-32g", engine="MindIE")
    assert judged.reason is Reason.ENGINE_UNSUPPORTED
    assert "give the image by spec.images of the pool or an EngineProfile" in judged.message


@pytest.mark.parametrize(("quantization", "family", "expected"), CELLS)
def test_every_no_names_what_runs_there_instead(quantization: str, family: str, expected: str) -> None:
    cell = builtin().compatibility.support[Quantization(quantization)][family]
    if all(name.endswith("?") or name == "-" for name in expected.split()):
        assert cell.why
        assert cell.instead
    named = {str(item) for item in Quantization} & set(re.findall(r"[A-Z0-9]+", cell.instead.partition(":")[0]))
    for word in named:
        assert builtin().compatibility.support[Quantization(word)][family].engines, f"{word} does not run there either"


def test_engines_of_a_cell_run_on_its_vendor() -> None:
    for quantization, row in builtin().compatibility.support.items():
        for family, cell in row.items():
            vendor = builtin().accelerators[CHIPS[family]].vendor
            for name in (*cell.engines, *cell.unlisted):
                engine = builtin().engines.get(name)
                assert engine is not None, f"{quantization} {family} {name}"
                assert vendor in engine.vendors, f"{quantization} {family} {name}"


@pytest.mark.parametrize("chip", builtin().accelerators.values(), ids=lambda chip: chip.id)
def test_every_chip_runs_some_format_of_a_common_model(chip: Accelerator) -> None:
    verdicts = {ask(quantization, chip.id).verdict for quantization in Quantization}
    if chip.family == "ascend-910a":  # no image is published: a bank brings its own
        assert Verdict.FITS not in verdicts
    else:
        assert Verdict.FITS in verdicts


def ask(
    quantization: str, chip: str, *, engine: str | None = None, unlisted: UnlistedPolicy = UnlistedPolicy.REFUSE
) -> FitResult:
    """The verdict on a small model that every engine for text lists."""
    accelerator = builtin().accelerators[chip]
    question = FitRequest(
        model="Qwen3-8B",
        quantization=Quantization(quantization),
        scheme=Scheme.PVC,
        engine=engine,
        parallelism=None,
        max_model_len=4096,
        unlisted=unlisted,
        accelerator=chip,
        devices_per_node=accelerator.devices_per_node,
        nodes=1,
    )
    return fit(builtin(), question)


def test_a_silent_engine_is_tried_with_the_users_leave() -> None:
    refused = ask("W8A16", "h20-96g", engine="SGLang")
    assert refused.verdict is Verdict.UNLISTED
    assert "use engine vLLM" in refused.message
    assert "unlisted: Allow" in refused.message
    assert ask("W8A16", "h20-96g", engine="SGLang", unlisted=UnlistedPolicy.ALLOW).verdict is Verdict.FITS


def test_leave_to_try_does_not_make_the_impossible_possible() -> None:
    assert ask("FP8", "910b-64g", unlisted=UnlistedPolicy.ALLOW).verdict is Verdict.IMPOSSIBLE
