"""Which weights run where, cell by cell, against a table that was written by hand: ``tests/reference/truth_table.yaml``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from modelmatrix.api.model_deployment import Quantization, UnlistedPolicy
from modelmatrix.api.reasons import Reason
from modelmatrix.api.weights_source import Scheme
from modelmatrix.catalogue.accelerators import Accelerator
from modelmatrix.catalogue.loader import builtin
from modelmatrix.planning.feasibility.fit import FitRequest, FitResult, fit
from modelmatrix.planning.feasibility.verdict import Verdict

TABLE: dict[str, dict[str, str]] = yaml.safe_load(
    (Path(__file__).parents[2] / "reference" / "truth_table.yaml").read_text(encoding="utf-8")
)
CHIPS = {family: column.pop("chip") for family, column in TABLE.items()}
CELLS = [
    pytest.param(quantization, family, cell, id=f"{quantization} {family}")
    for family, column in TABLE.items()
    for quantization, cell in column.items()
]


def test_the_table_is_complete() -> None:
    assert set(TABLE) == {chip.family for chip in builtin().accelerators.values()}
    for column in TABLE.values():
        assert set(column) == set(Quantization)
    for rows in builtin().compatibility.support.values():
        assert set(rows) == set(TABLE)


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
    accelerator, model = builtin().accelerators[chip], builtin().model("Qwen3-8B")
    assert model is not None
    question = FitRequest(
        model=model,
        quantization=Quantization(quantization),
        scheme=Scheme.PVC,
        engine=engine,
        parallelism=None,
        max_model_len=4096,
        unlisted=unlisted,
        accelerator=accelerator,
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
