"""The planner against published deployments: what runs is accepted, what does not is refused for the right kind of reason."""

from __future__ import annotations

from collections import Counter

import pytest

from modelmatrix.api.reasons import Reason
from reference.oracle import (
    CAPABILITY,
    MISSES,
    Row,
    ask,
    gpustack_rule,
    kaito_rule,
    one_size_down,
    ours,
    read_nightly_rows,
    read_rows,
    recipes_rule,
)
from reference.table import PAGE, page, table

ROWS = read_rows()
NIGHTLY = read_nightly_rows()
USABLE = [row for row in ROWS if row.usable_as_oracle]
RUNS = [row for row in USABLE if row.kind in ("serve", "min-devices")]
MINIMUM = [row for row in USABLE if row.kind == "min-devices" and one_size_down(row) is not None]
REFUSED = [row for row in USABLE if row.kind == "infeasible"]
CAPABILITY_REASONS = (Reason.QUANTIZATION_UNSUPPORTED, Reason.ENGINE_UNSUPPORTED, Reason.PARALLELISM_ILLEGAL)


def test_the_rows_are_all_there() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS) == 134
    assert Counter(row.kind for row in ROWS) == {"serve": 95, "min-devices": 23, "infeasible": 10, "claim": 6}


def test_few_rows_are_skipped_and_each_for_a_known_reason() -> None:
    skipped = [row for row in ROWS if not row.usable_as_oracle]
    reasons = Counter(
        "claim"
        if row.kind == "claim"
        else "disputed"
        if row.evidence == "contradictory"
        else "no architecture"
        if not row.known_as
        else "no chip"
        for row in skipped
    )
    assert reasons == {"claim": 6, "disputed": 1, "no architecture": 3, "no chip": 2}


@pytest.mark.parametrize("row", RUNS, ids=lambda row: f"{row.id} {row.model} {row.quantization} {row.accelerator}")
def test_what_is_published_as_running_is_accepted(row: Row) -> None:
    judged = ask(row)
    assert judged.layout is not None, judged.message
    assert judged.layout.devices <= row.devices


@pytest.mark.parametrize("row", RUNS, ids=lambda row: f"{row.id} {row.model} {row.quantization} {row.accelerator}")
def test_the_planner_finds_a_cut_of_its_own_where_one_is_published(row: Row) -> None:
    judged = ask(row, automatic=True)
    assert judged.layout is not None, judged.message
    assert judged.layout.devices <= row.devices


@pytest.mark.parametrize("row", MINIMUM, ids=lambda row: f"{row.id} {row.model} {row.accelerator} {row.devices}")
def test_a_published_minimum_does_not_fit_one_size_down(row: Row) -> None:
    smaller = one_size_down(row)
    assert smaller is not None
    judged = ask(smaller, automatic=True)
    assert judged.layout is None, judged.message
    assert judged.reason in (Reason.MEMORY_INSUFFICIENT, Reason.PARALLELISM_ILLEGAL)


@pytest.mark.parametrize("row", [row for row in REFUSED if row.id not in MISSES], ids=lambda row: row.id)
def test_what_is_published_as_failing_is_refused_for_that_kind_of_reason(row: Row) -> None:
    judged = ask(row)
    assert judged.layout is None
    if row.id in CAPABILITY:
        assert judged.reason in CAPABILITY_REASONS
    else:
        assert judged.reason is Reason.MEMORY_INSUFFICIENT


@pytest.mark.parametrize("row", [row for row in REFUSED if row.id in MISSES], ids=lambda row: row.id)
def test_known_misses_are_still_misses(row: Row) -> None:
    assert ask(row).layout is not None, f"no longer a miss: take it out of MISSES ({MISSES[row.id]})"


def test_ours_rejects_nothing_that_runs_and_every_peers_rule_does() -> None:
    rejected = {
        rule.__name__: sum(1 for row in RUNS if not rule(row)) for rule in (ours, recipes_rule, gpustack_rule, kaito_rule)
    }
    assert rejected["ours"] == 0
    assert min(rejected["recipes_rule"], rejected["gpustack_rule"], rejected["kaito_rule"]) > 0


@pytest.mark.parametrize("automatic", [False, True], ids=["cut", "own cut"])
@pytest.mark.parametrize("row", NIGHTLY, ids=lambda row: row.model)
def test_what_runs_every_night_is_accepted(row: Row, *, automatic: bool) -> None:
    judged = ask(row, automatic=automatic)
    assert judged.layout is not None, judged.message
    assert judged.layout.devices <= row.devices


def test_the_table_has_a_row_for_every_rule() -> None:
    lines = table(ROWS).splitlines()
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:]] == ["this planner", "vLLM recipes", "GPUStack", "KAITO"]
    assert lines[2].split(" | ")[1] == "0"


def test_the_page_is_what_the_code_says_now() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make generate`"
