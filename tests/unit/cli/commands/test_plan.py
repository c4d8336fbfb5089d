"""``kubectl matrix plan``: what fits, what does not and why, who gives way, what it costs; with a cluster and without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from commands import AT, deployment, document, matrix, matrix_online, node, pool, put, write
from fakes.apiserver import FakeApiServer
from fakes.fixtures import api

__all__ = ["api"]

ESTATE = [pool(), node("n0"), node("n1")]
FP8 = {"pools": [{"name": "ascend-a"}], "quantization": "FP8"}
R1 = {
    "model": {"name": "DeepSeek-R1", "source": "pvc://weights/r1-w8a8"},
    "pools": [{"name": "ascend-a"}],
    "maxModelLen": 16384,
}
SPREAD = {"pools": [{"name": name, "parallelism": {"tensor": 4}} for name in ("ascend-a", "ascend-b")], "placement": "Spread"}
TWO_SITES = [pool(), pool("ascend-b", site="site-b"), node("a0"), node("b0", "ascend-b")]


def offline(folder: Path, *manifests: dict[str, Any], estate: list[dict[str, Any]] | None = None) -> list[str]:
    """Arguments of an offline plan of manifests."""
    return ["plan", "--offline", "-f", write(folder, [*(ESTATE if estate is None else estate), *manifests])]


def test_what_fits_is_placed_with_exit_code_0(tmp_path: Path, golden: Any) -> None:
    result = matrix(*offline(tmp_path, deployment(replicas=2)))
    assert result.exit_code == 0
    golden("cli/plan-fits", result.output.splitlines())


def test_what_does_not_fit_says_why_with_exit_code_2(tmp_path: Path, golden: Any) -> None:
    wishes = (
        deployment("batch", replicas=4, priority="P3"),
        deployment("voice", replicas=2, priority="P0"),
        deployment("fp8", **FP8),
        deployment("flagship", replicas=2, **R1),
    )
    result = matrix(*offline(tmp_path, *wishes))
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    golden("cli/plan-does-not-fit", result.output.splitlines())


def test_wide_shows_models_cuts_and_engines(tmp_path: Path, golden: Any) -> None:
    golden("cli/plan-wide", matrix(*offline(tmp_path, deployment(**R1)), "-o", "wide").output.splitlines())


def test_json_has_the_keys_of_the_contract(tmp_path: Path, golden: Any) -> None:
    found = document(*offline(tmp_path, deployment(replicas=2), deployment("fp8", **FP8)))
    golden("cli/plan-json", found)
    assert set(found) == {"apiVersion", "kind", "items", "pools", "cost", "displaced"}
    assert (found["apiVersion"], found["kind"]) == ("modelmatrix.io/v1alpha1", "Plan")
    for item in found["items"]:
        assert {"namespace", "name", "placed", "candidates", "placements"} <= set(item)
        for candidate in item["candidates"]:
            assert set(candidate) == {"pool", "quantization", "engine", "verdict", "reason", "message"}
        for placement in item["placements"]:
            assert set(placement) == {
                *("pool", "quantization", "engine", "image", "replicas", "devicesPerReplica", "nodesPerReplica"),
                *("parallelism", "memory"),
            }
            assert set(placement["parallelism"]) == {"tensor", "pipeline", "data", "expert"}
            assert set(placement["memory"]) == {"weightsGiB", "kvCacheGiB", "overheadGiB", "usableGiB"}
    for one in found["pools"]:
        assert set(one) == {"name", "devices"}
        assert set(one["devices"]) == {"total", "allocated", "free"}
    assert {"before", "after", "currency"} <= set(found["cost"])


@pytest.mark.parametrize(
    ("at", "replicas"), [("2026-11-23T08:29:00+08:00", 3), ("2026-11-23T03:00:00+08:00", 1), ("2026-11-22T10:00:00+08:00", 1)]
)
def test_the_time_decides_on_floors_of_schedules(tmp_path: Path, at: str, replicas: int) -> None:
    window = {"name": "office", "start": "30 8 * * 1-5", "end": "0 18 * * 1-5", "timeZone": "Asia/Shanghai", "minReplicas": 3}
    scaling = {"minReplicas": 1, "maxReplicas": 4, "schedule": [window]}
    found = document(*offline(tmp_path, deployment(scaling=scaling)), "--at", at)
    assert found["items"][0]["replicas"] == replicas


def test_the_loss_of_a_site_is_planned_with_what_is_left(tmp_path: Path) -> None:
    wishes = (
        deployment("voice", replicas=2, priority="P0", **SPREAD),
        deployment("batch", replicas=2, priority="P3", **SPREAD),
    )
    both = offline(tmp_path, *wishes, estate=TWO_SITES)
    assert all(item["placed"] for item in document(*both)["items"])
    lost = document(*both, "--without-site", "site-a")
    placed = {item["name"]: item["placed"] for item in lost["items"]}
    assert placed == {"voice": True, "batch": False}
    kept = next(item for item in lost["items"] if item["name"] == "voice")
    assert [placement["pool"] for placement in kept["placements"]] == ["ascend-b"]
    assert matrix(*both, "--without-site", "site-a").exit_code == 2


def test_the_loss_of_nodes_is_planned_with_what_is_left(tmp_path: Path) -> None:
    arguments = offline(tmp_path, deployment(replicas=3))
    assert matrix(*arguments).exit_code == 0
    assert matrix(*arguments, "--without-node", "n0").exit_code == 2
    assert document(*arguments, "--without-node", "n0")["pools"][0]["devices"]["total"] == 8


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--without-site", "site-z"], "error: no pool is on site 'site-z'; there are: site-a\n"),
        (["--without-node", "n7"], "error: there is no node n7\n"),
        (["--at", "tomorrow"], "error: --at 'tomorrow' is not a valid time; write it like 2026-11-23T08:30:00+08:00\n"),
    ],
)
def test_errors_are_one_line_with_exit_code_1(tmp_path: Path, arguments: list[str], words: str) -> None:
    result = matrix(*offline(tmp_path, deployment()), *arguments)
    assert (result.exit_code, result.output) == (1, words)


def test_offline_needs_files() -> None:
    assert matrix("plan", "--offline").output == "error: --offline reads files only: name them with -f\n"


def test_the_cause_that_no_pool_names_is_told_first(tmp_path: Path) -> None:
    window = {"name": "day", "start": "61 8 * * *", "end": "0 18 * * *", "timeZone": "Asia/Shanghai", "minReplicas": 2}
    scaling = {"minReplicas": 1, "maxReplicas": 2, "schedule": [window]}
    wish = deployment(scaling=scaling, pools=[{"name": "ascend-a"}, {"name": "nowhere"}])
    lines = matrix(*offline(tmp_path, wish)).output.splitlines()
    index = lines.index("bank/chat does not fit: Misconfigured")
    assert "61 8 * * *" in lines[index + 1]
    assert "nowhere" in lines[index + 2]


def test_a_preferred_pool_that_can_never_take_it_is_told_of_what_is_placed_elsewhere(tmp_path: Path) -> None:
    odd = {"name": "ascend-b", "engine": "vllm-of-the-bank"}
    estate = [*ESTATE, pool("ascend-b"), node("b0", "ascend-b")]
    result = matrix(*offline(tmp_path, deployment(pools=[odd, {"name": "ascend-a"}]), estate=estate))
    assert result.exit_code == 0
    assert "bank/chat: ascend-b is passed over, EngineUnsupported: " in result.output


def test_nodes_that_are_lost_in_thought_need_no_label(tmp_path: Path) -> None:
    arguments = offline(tmp_path, deployment())
    for loss in (["--without-site", "site-a"], ["--without-node", "n0", "--without-node", "n1"]):
        output = matrix(*arguments, *loss).output
        assert "bank/chat does not fit: NodesLost" in output
        assert "ascend-a: this plan assumes that all its nodes are lost" in output
        assert "label the nodes" not in output
        assert "label the nodes" not in matrix(*arguments, *loss, "-o", "json").output


def test_files_without_nodes_get_a_hint_where_it_harms_no_script(tmp_path: Path) -> None:
    result = matrix(*offline(tmp_path, deployment(), estate=[pool()]), "-o", "json")
    assert result.stderr.startswith("note: the files hold no Node")
    (item,) = json.loads(result.stdout)["items"]
    assert (item["reason"], item["candidates"][0]["message"]) == ("NodesMissing", "there are no nodes at all: add nodes")
    assert matrix(*offline(tmp_path, deployment())).stderr == ""


def test_files_without_any_object_of_ours_are_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}])
    for command in ("plan", "check"):
        result = matrix(command, "--offline", "-f", path)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == f"error: no ModelDeployment, pool, profile or node in {path}\n"


def test_costs_in_two_currencies_are_not_added(tmp_path: Path) -> None:
    estate = [*ESTATE, pool("other", price={"amount": "2.00", "currency": "USD"}), node("o0", "other")]
    wishes = (deployment(), deployment("far", pools=[{"name": "other"}]))
    found = document(*offline(tmp_path, *wishes, estate=estate))["cost"]
    assert (found["after"], found["currency"]) == ("27.20", "CNY")
    assert found["others"] == [{"before": "0.00", "after": "2.00", "currency": "USD"}]


def test_a_table_fits_a_hundred_columns(tmp_path: Path) -> None:
    names = (deployment("x" * 18, namespace="bank-a-department-of", replicas=2, **SPREAD), deployment("fp8", **FP8))
    for line in matrix(*offline(tmp_path, *names, estate=TWO_SITES)).output.splitlines():
        assert len(line) <= 100, line


def test_no_colour_where_the_output_is_no_terminal(tmp_path: Path) -> None:
    assert "\x1b" not in matrix(*offline(tmp_path, deployment("fp8", **FP8))).output


async def test_online_the_files_are_applied_in_thought(api: FakeApiServer, tmp_path: Path) -> None:
    put(api, [*ESTATE, deployment("batch", replicas=4, priority="P3")])
    path = write(tmp_path, [deployment("voice", replicas=2, priority="P0")])
    result = await matrix_online(api, tmp_path, "plan", "-f", path, "--at", AT)
    assert result.exit_code == 0, result.output
    assert "bank/batch loses 2 replicas: InsufficientDevices" in result.output
    assert "Cost per hour: 108.80 -> 108.80 CNY" in result.output
    assert api.writes == []


async def test_online_without_files_the_cluster_is_planned_as_it_is(api: FakeApiServer, tmp_path: Path) -> None:
    put(api, [*ESTATE, deployment(replicas=5)])
    result = await matrix_online(api, tmp_path, "plan")
    assert result.exit_code == 2
    assert "bank/chat does not fit: InsufficientDevices, 4 of 5 replicas placed" in result.output


async def test_a_document_without_a_namespace_is_of_the_contexts(api: FakeApiServer, tmp_path: Path) -> None:
    put(api, ESTATE)
    wish = deployment()
    del wish["metadata"]["namespace"]
    result = await matrix_online(api, tmp_path, "plan", "-f", write(tmp_path, [wish]), namespace="retail")
    assert result.output.splitlines()[1].split()[:2] == ["retail", "chat"]


async def test_a_cluster_without_the_chart_is_told_apart(tmp_path: Path) -> None:
    result = matrix("plan", "--kubeconfig", str(tmp_path / "none"))
    assert result.exit_code == 1
    assert result.output.startswith(f"error: there is no kubeconfig {tmp_path}")
