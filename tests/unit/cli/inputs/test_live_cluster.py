"""A person with rights in one namespace: what concerns it is shown, and what is missing is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from commands import deployment, matrix_online, node, pool, put, write
from fakes.apiserver import FakeApiServer
from fakes.apiserver.faults import Answer, Request
from fakes.fixtures import api

__all__ = ["api"]

MISSING = "your rights do not include to list acceleratorpools, deployments, engineprofiles"
REFUSED = {"verdict": "Impossible", "reason": "PolicyDenied", "message": "m"}
STATUS: dict[str, Any] = {
    "model": "Qwen/Qwen3-32B",
    "readyReplicas": 1,
    "desiredReplicas": 1,
    "candidates": [{"pool": "ascend-a", "quantization": "W8A8", "engine": "", **REFUSED}],
    "conditions": [{"type": "Ready", "status": "False", "reason": "PolicyDenied", "message": "pool ascend-a: not allowed"}],
}


def forbids(request: Request) -> bool:
    """What the role edit in the namespace bank does not allow."""
    return request.verb in ("list", "get") and request.key.namespace != "bank"


@pytest.fixture
def tenant(api: FakeApiServer) -> FakeApiServer:
    """A cluster with two deployments, as the tenant of one of the namespaces meets it."""
    put(api, [deployment("chat") | {"status": STATUS}, deployment("voice", namespace="retail") | {"status": STATUS}])
    put(api, [pool(), node("n0")])
    api.faults.add(Answer(403, "Forbidden"), forbids)
    return api


async def test_status_shows_the_own_namespace(tenant: FakeApiServer, tmp_path: Path) -> None:
    for arguments in (["status"], ["status", "-n", "bank"]):
        result = await matrix_online(tenant, tmp_path, *arguments, "-o", "json")
        assert result.exit_code == 0, result.output
        assert [(item["namespace"], item["name"]) for item in json.loads(result.stdout)["items"]] == [("bank", "chat")]


async def test_status_of_others_is_an_error_that_says_how_to_go_on(tenant: FakeApiServer, tmp_path: Path) -> None:
    everywhere = await matrix_online(tenant, tmp_path, "status", "-A")
    assert everywhere.exit_code == 1
    assert "cannot list modeldeployments: planned: Forbidden; leave -A out, and name a namespace with -n" in everywhere.stderr
    elsewhere = await matrix_online(tenant, tmp_path, "status", "-n", "retail")
    assert (elsewhere.exit_code, elsewhere.stdout) == (1, "")


async def test_why_repeats_what_the_operator_reported_and_says_so(tenant: FakeApiServer, tmp_path: Path) -> None:
    result = await matrix_online(tenant, tmp_path, "why", "chat")
    assert result.exit_code == 0, result.output
    assert "PolicyDenied" in result.stdout
    assert "pool ascend-a: not allowed" in result.stdout or "ascend-a: m" in result.stdout
    assert f"note: {MISSING}" in result.stderr
    assert "this is what the operator reported" in result.stderr


async def test_why_of_a_deployment_that_has_no_status_yet_or_does_not_exist(tenant: FakeApiServer, tmp_path: Path) -> None:
    put(tenant, [deployment("new")])
    assert (await matrix_online(tenant, tmp_path, "why", "new")).exit_code == 0
    absent = await matrix_online(tenant, tmp_path, "why", "absent")
    assert absent.exit_code == 1
    assert "there is no ModelDeployment bank/absent" in absent.stderr
    elsewhere = await matrix_online(tenant, tmp_path, "why", "voice", "-n", "retail")
    assert (elsewhere.exit_code, elsewhere.stdout) == (1, "")


async def test_plan_asks_the_operator_and_stores_nothing(tenant: FakeApiServer, tmp_path: Path) -> None:
    tenant.warnings = ['ascend-a: "FP8" has no kernels']
    file = write(tmp_path, [deployment("fp8", quantization="FP8")])
    result = await matrix_online(tenant, tmp_path, "plan", "-f", file)
    assert result.exit_code == 2
    assert result.stdout == 'bank/fp8 would be applied with warnings\n  ascend-a: "FP8" has no kernels\n'
    assert "these are the operator's answers to an apply, by a dry run" in result.stderr
    (request,) = tenant.writes
    assert (request.query["dryRun"], request.query["fieldManager"]) == ("All", "kubectl-matrix")
    items = json.loads((await matrix_online(tenant, tmp_path, "plan", "-f", file, "-o", "json")).stdout)["items"]
    assert items == [{"namespace": "bank", "name": "fp8", "warnings": tenant.warnings, "refusal": ""}]


async def test_plan_without_an_objection_is_done(tenant: FakeApiServer, tmp_path: Path) -> None:
    result = await matrix_online(tenant, tmp_path, "plan", "-f", write(tmp_path, [deployment("fine")]))
    assert (result.exit_code, result.stdout) == (0, "bank/fine: no objection\n")


async def test_plan_of_what_would_be_refused_is_a_finding(tenant: FakeApiServer, tmp_path: Path) -> None:
    tenant.faults.add(Answer(422, "Invalid"), lambda request: request.is_write)
    result = await matrix_online(tenant, tmp_path, "plan", "-f", write(tmp_path, [deployment("refused")]))
    assert result.exit_code == 2
    assert "bank/refused would be refused\n  planned: Invalid" in result.stdout


async def test_what_needs_the_whole_cluster_is_an_error(tenant: FakeApiServer, tmp_path: Path) -> None:
    file = write(tmp_path, [deployment("fine")])
    for arguments in (["plan"], ["plan", "-f", file, "--without-site", "site-a"], ["why", "fine", "-f", file]):
        result = await matrix_online(tenant, tmp_path, *arguments)
        assert result.exit_code == 1, arguments
        assert MISSING in result.stderr
    for command in ("check", "cost", "report"):
        result = await matrix_online(tenant, tmp_path, command)
        assert result.exit_code == 1, command
        assert "error: cannot list " in result.stderr


async def test_a_live_cluster_without_policies_is_planned_with_the_charts_defaults(api: FakeApiServer, tmp_path: Path) -> None:
    put(api, [deployment("chat", priority="P0"), pool(), node("n0")])
    result = await matrix_online(api, tmp_path, "why", "chat")
    assert "WithinPolicy=False PriorityCapped" in result.stdout


def priority_of(result: Any) -> str:
    """The priority that counts in a plan."""
    (item,) = json.loads(result.stdout)["items"]
    return str(item["priority"])


async def test_files_with_policies_are_planned_by_them(api: FakeApiServer, tmp_path: Path) -> None:
    unit = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bank", "labels": {"unit": "desk"}}}
    spec = {"namespaceSelector": {"matchLabels": {"unit": "desk"}}, "highestPriority": "P1"}
    allows = {"apiVersion": "modelmatrix.io/v1alpha1", "kind": "TenantPolicy", "metadata": {"name": "desk"}, "spec": spec}
    fleet = write(tmp_path, [deployment("chat", priority="P0"), pool(), node("n0")], "fleet")
    command = ("plan", "--offline", "-n", "bank", "-o", "json", "-f", fleet)
    assert priority_of(await matrix_online(api, tmp_path, *command)) == "P0", "files without policies do not speak of tenants"
    assert priority_of(await matrix_online(api, tmp_path, *command, "-f", write(tmp_path, [allows], "policy"))) == "P2"
    assert priority_of(await matrix_online(api, tmp_path, *command, "-f", write(tmp_path, [allows, unit], "policy"))) == "P1"
