"""``kubectl matrix check``: what only an edit or an installation can mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from commands import deployment, document, matrix, matrix_online, node, pool, put, write
from fakes.apiserver import FakeApiServer, running
from fakes.fixtures import api
from modelmatrix.api import names

__all__ = ["api"]

WRONG = [
    pool(),
    pool("ghost"),
    node("n0"),
    deployment(),
    deployment("fp8", quantization="FP8"),
    deployment("large", replicas=9),
]


def test_what_waits_for_devices_is_no_finding_and_what_never_runs_is(tmp_path: Path, golden: Any) -> None:
    result = matrix("check", "--offline", "-f", write(tmp_path, WRONG))
    assert result.exit_code == 2
    golden("cli/check", result.output.splitlines())


def test_json_has_one_item_a_finding(tmp_path: Path) -> None:
    found = document("check", "--offline", "-f", write(tmp_path, WRONG))
    assert found["kind"] == "Check"
    assert [(item["kind"], item["name"]) for item in found["items"]] == [
        ("AcceleratorPool", "ghost"),
        ("ModelDeployment", "bank/fp8"),
    ]


def test_nothing_to_mend_is_exit_code_0(tmp_path: Path) -> None:
    result = matrix("check", "--offline", "-f", write(tmp_path, [pool(), node("n0"), deployment()]))
    assert (result.exit_code, result.output) == (0, "No defects in 1 pool and 1 deployment.\n")


async def test_a_cluster_is_checked_for_what_must_be_installed(tmp_path: Path) -> None:
    kinds = tuple(
        kind for kind in vars(names).values() if isinstance(kind, names.Kind) and kind.plural != names.LEADER_WORKER_SETS.plural
    )
    async with running(kinds) as without:
        put(without, [pool(), node("n0"), deployment()])
        result = await matrix_online(without, tmp_path, "check")
    assert result.exit_code == 2
    assert "API leaderworkersets: LeaderWorkerSetMissing" in result.output
    assert "1 finding in" in result.output


async def test_a_whole_cluster_has_nothing_to_mend(api: FakeApiServer, tmp_path: Path) -> None:
    put(api, [pool(), node("n0"), deployment()])
    result = await matrix_online(api, tmp_path, "check")
    assert result.exit_code == 0, result.output
