"""The institutions' manifests: generated, planned from their own files, and as the data says they must turn out."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from banks.__main__ import render
from banks.deployments import deployment, namespace_of
from banks.matrix import ACCELERATORS, DATA, Institution, Row, read_matrix
from banks.nodes_and_pools import pool_name
from banks.table import AT, domestic_verdicts, page, planned_matrix, verdict
from modelmatrix.cli.main import main

MATRIX = read_matrix()
ROWS = [(bank, row) for bank in MATRIX.institutions for row in bank.served_rows]
every_bank = pytest.mark.parametrize("bank", MATRIX.institutions, ids=lambda bank: bank.id)
every_row = pytest.mark.parametrize(("bank", "row"), [pytest.param(*both, id=both[1]["id"]) for both in ROWS])


def test_the_matrix_is_whole() -> None:
    assert len(MATRIX.institutions) == 18
    assert len(ROWS) == 71
    assert sum(len(bank.rows) for bank in MATRIX.institutions) == 74


@every_bank
def test_the_manifests_are_what_the_data_gives(bank: Institution) -> None:
    for name, text in render(MATRIX, bank).items():
        assert (DATA.parent / bank.id / name).read_text(encoding="utf-8") == text, "run `make generate`"


def test_the_page_of_all_rows_is_what_the_planner_says_now() -> None:
    assert (DATA.parent / "README.md").read_text(encoding="utf-8") == page(MATRIX), "run `make generate`"


@every_bank
def test_an_institution_plans_offline_from_its_own_files(bank: Institution) -> None:
    result = CliRunner().invoke(main, ["plan", "--offline", "-f", str(DATA.parent / bank.id), "--at", AT])
    assert result.exit_code == 0, result.output
    assert all(len(line) <= 110 for line in result.output.splitlines())


@every_row
def test_a_row_is_placed_with_the_devices_that_its_profile_states(bank: Institution, row: Row) -> None:
    planned = planned_matrix(MATRIX, bank)[row["id"]]
    profile = MATRIX.profiles[row["profile"]]
    assert planned.item["placed"], planned.item["message"]
    assert {(profile["devicesPerReplica"], profile["nodesPerReplica"])} == set(planned.shapes)


@every_row
def test_a_row_without_room_for_a_surge_replica_says_so(bank: Institution, row: Row) -> None:
    """The data marks what cannot surge at the needed peak; the planner looks at the most replicas, which may be more."""
    found = verdict(planned_matrix(MATRIX, bank)[row["id"]].item)
    if row.get("noSurgeCapacity"):
        assert "NoSurgeCapacity" in found


def test_few_rows_beyond_those_of_the_data_cannot_surge() -> None:
    planned = {bank.id: planned_matrix(MATRIX, bank) for bank in MATRIX.institutions}
    unmarked = {
        row["id"]
        for bank, row in ROWS
        if "NoSurgeCapacity" in verdict(planned[bank.id][row["id"]].item) and not row.get("noSurgeCapacity")
    }
    assert unmarked == {"bob-research", "mu-approval"}, "their maxReplicas is one above the needed peak"


@pytest.mark.parametrize("name", ["imbank", "qdrcb"])
def test_a_bank_of_one_server_has_no_redundancy_and_is_served_all_the_same(name: str) -> None:
    bank = next(bank for bank in MATRIX.institutions if bank.id == name)
    planned = planned_matrix(MATRIX, bank)
    assert planned
    assert {verdict(one.item) for one in planned.values()} == {"Placed, NoRedundancy"}


@pytest.mark.parametrize("name", ["js-contract", "js-contract-batch", "ss-docs"])
def test_deepseek_vl2_is_refused_on_domestic_accelerators_with_an_alternative(name: str) -> None:
    bank, row = next((bank, row) for bank, row in ROWS if row["id"] == name)
    verdicts = domestic_verdicts(MATRIX, bank, row)
    assert verdicts
    for candidate in verdicts:
        assert (candidate["verdict"], candidate["reason"]) == ("Unlisted", "Unlisted")
        assert "does not list DeepseekVLV2ForCausalLM" in candidate["message"]
        assert "a listed model such as Qwen/" in candidate["message"]


@every_bank
def test_names_are_those_of_the_data(bank: Institution) -> None:
    for pool in bank.pools:
        assert pool_name(bank, pool) == f"{bank.id}-{pool['name']}"
    for row in bank.served_rows:
        made = deployment(MATRIX, bank, row)
        assert made["metadata"]["name"] == row["id"]
        assert made["metadata"]["namespace"] == f"{bank.id}-{row['tenant']}" == namespace_of(bank, row)
        assert [item["name"] for item in made["spec"]["pools"]] == [f"{bank.id}-{name}" for name in row["pools"]]
        assert made["spec"]["quantization"] == {"W8A8-INT8": "W8A8", "INT8": "W8A8"}.get(
            row["quantization"], row["quantization"]
        )


def test_chips_are_those_of_the_catalogue() -> None:
    assert {name: chip.accelerator for name, chip in ACCELERATORS.items()} == {
        "ascend-910b": "910b-64g",
        "ascend-910c": "a3-die-64g",
        "ascend-310p": "310p3-duo-48g",
        "nvidia-a800": "a800-80g",
        "nvidia-h20": "h20-96g",
        "nvidia-l20": "l20-48g",
    }


def test_rows_that_others_serve_make_no_object_of_their_own() -> None:
    shared = {row["id"] for bank in MATRIX.institutions for row in bank.rows if "servedBy" in row}
    assert len(shared) == 3
    for bank in MATRIX.institutions:
        text = (DATA.parent / bank.id / "deployments.yaml").read_text(encoding="utf-8")
        assert not any(f"name: {name}\n" in text for name in shared)


def test_every_folder_is_an_institution() -> None:
    folders = {path.name for path in Path(DATA.parent).iterdir() if path.is_dir()}
    assert folders == {bank.id for bank in MATRIX.institutions}
