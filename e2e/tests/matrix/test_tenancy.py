"""TenantPolicies on the real API server: what a namespace may use, what stays when that changes, and a tenant's own view."""
# ruff: noqa: D103  # a test's name is its documentation

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from localcluster import LocalClusterError
from localcluster.cluster import Cluster
from localcluster.testing import eventually
from modelmatrix.cli.main import main
from playground import installation
from playground.nodes_and_pools import warnings_of_apply
from playground.testing import RESOURCE, ModelNamespace, NodePool, operator_writes

pytestmark = pytest.mark.cluster

POLICIES = "tenantpolicies.modelmatrix.io"
QUIET_SECONDS = 6.0


class Policy:
    """A TenantPolicy of one namespace."""

    def __init__(self, bed: ModelNamespace) -> None:
        self.bed, self.name = bed, f"{bed.name}-tight"

    def set(self, **spec: Any) -> None:
        """Create the policy, or replace its fields."""
        selector = {"matchLabels": {"kubernetes.io/metadata.name": self.bed.name}}
        policy = {"apiVersion": "modelmatrix.io/v1alpha1", "kind": "TenantPolicy", "metadata": {"name": self.name}}
        self.bed.cluster.apply([policy | {"spec": {"namespaceSelector": selector, **spec}}])

    def status(self) -> dict[str, Any]:
        """Its status."""
        found: dict[str, Any] = json.loads(self.bed.cluster.kubectl("get", POLICIES, self.name, "-o", "json"))
        return dict(found.get("status", {}))

    def delete(self) -> None:
        """Delete it."""
        self.bed.cluster.kubectl("delete", POLICIES, self.name, "--ignore-not-found")


@pytest.fixture
def policy(bed: ModelNamespace) -> Iterator[Policy]:
    tight = Policy(bed)
    yield tight
    tight.delete()


def within(bed: ModelNamespace, name: str) -> str:
    return str(bed.condition(name, "WithinPolicy").get("reason", ""))


def manifest(bed: ModelNamespace, name: str, pool: str, **spec: Any) -> dict[str, Any]:
    model = {"name": "Qwen3-32B", "source": spec.pop("source", "s3://models/qwen3-32b")}
    whole = {"model": model, "quantization": "W8A8", "pools": [{"name": pool}], "maxModelLen": 8192, **spec}
    metadata = {"name": name, "namespace": bed.name}
    return {"apiVersion": "modelmatrix.io/v1alpha1", "kind": "ModelDeployment", "metadata": metadata, "spec": whole}


def test_a_priority_above_the_highest_is_capped_and_serves_on(bed: ModelNamespace, estate: NodePool, policy: Policy) -> None:
    bed.deploy("chat", estate.pool, priority="P0", replicas=2)
    bed.wait_ready("chat", 2)
    assert within(bed, "chat") == ""
    policy.set(highestPriority="P2")
    eventually(lambda: _assert(within(bed, "chat") == "PriorityCapped"))
    message = bed.condition("chat", "WithinPolicy")["message"]
    assert f"counts as P2, the highest that TenantPolicy {policy.name} allows" in message
    assert bed.status("chat")["readyReplicas"] == 2
    (warning, *_) = warnings_of_apply(bed.cluster, [manifest(bed, "more", estate.pool, priority="P1")], "--dry-run=server")
    assert warning.startswith("spec.priority P1 counts as P2")
    policy.delete()
    eventually(lambda: _assert(within(bed, "chat") == ""))


def _assert(condition: bool) -> None:  # noqa: FBT001 - what it is for
    assert condition


def test_a_quota_bounds_a_thousand_replicas_and_costs_no_neighbour(
    bed: ModelNamespace, estate: NodePool, policy: Policy
) -> None:
    bed.deploy("neighbour", estate.pool, priority="P3", replicas=6)
    bed.wait_ready("neighbour", 6)
    policy.set(devices=[{"max": 7}])
    bed.deploy("greedy", estate.pool, priority="P0", replicas=1000)
    bed.wait_refused("greedy", "TenantQuotaExceeded", f"TenantPolicy {policy.name} allows 7 devices")

    def check() -> None:
        assert bed.status("greedy")["readyReplicas"] == 1
        assert bed.status("neighbour")["readyReplicas"] == 6
        assert policy.status()["devices"] == [{"max": 7, "used": 7}]

    eventually(check)


def test_a_tightened_policy_ends_nothing_and_writes_nothing_at_rest(
    bed: ModelNamespace, estate: NodePool, policy: Policy
) -> None:
    bed.deploy("chat", estate.pool, replicas=2)
    bed.wait_ready("chat", 2)
    before = {pod["metadata"]["uid"] for pod in bed.pods("chat")}
    policy.set(sources=["oci://registry.bank.local/models/"], devices=[{"max": 1}])
    bed.wait_refused("chat", "PolicyDenied", "source s3://models/qwen3-32b-w8a8", f"TenantPolicy {policy.name}")
    ready = {item["type"]: item for item in policy.status()["conditions"]}["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "TenantQuotaExceeded")
    time.sleep(QUIET_SECONDS)
    started = time.time()
    time.sleep(QUIET_SECONDS)
    assert [request for request in operator_writes(bed.cluster, started) if bed.name in str(request)] == []
    assert {pod["metadata"]["uid"] for pod in bed.pods("chat")} == before


def test_who_pays_is_the_namespaces_label(bed: ModelNamespace, estate: NodePool, policy: Policy) -> None:
    policy.set(tenant={"fromNamespaceLabel": "unit"})
    bed.cluster.kubectl("label", "namespace", bed.name, "unit=retail")
    bed.deploy("chat", estate.pool, tenant="somebody-else")
    bed.wait_ready("chat", 1)

    def check() -> None:
        (workload,) = bed.get("deployments", "-l", "modelmatrix.io/deployment=chat")["items"]
        assert workload["metadata"]["labels"]["modelmatrix.io/tenant"] == "retail"

    eventually(check)
    assert within(bed, "chat") == "TenantOverridden"


@pytest.fixture
def checked_by_the_api_server(cluster: Cluster) -> Iterator[None]:
    """The chart's own check of TenantPolicies, without the operator."""
    installation.upgrade(cluster, "tenancy.admission=Deny")
    yield
    installation.upgrade(cluster)


@pytest.mark.usefixtures("checked_by_the_api_server")
def test_the_api_server_itself_refuses_what_a_policy_does_not_allow(
    bed: ModelNamespace, estate: NodePool, policy: Policy
) -> None:
    policy.set(
        highestPriority="P2",
        pools=[f"{bed.name}-*"],
        sources=["s3://models/", "pvc://"],
        secretNames=["weights-*"],
        claimNames=["weights"],
    )
    refused = {
        "above P2": {"priority": "P1"},
        "names others than": {"pools": [{"name": estate.pool}, {"name": "elsewhere"}]},
        "begins with none of": {"source": "s3://modelsx/qwen"},
        "secretName is none of": {"model": {"name": "Qwen3-32B", "source": "s3://models/q", "secretName": "payments-db"}},
        "claim of a source is none of": {"source": "pvc://postgres-data/x"},
    }
    for words, spec in refused.items():

        def check(words: str = words, spec: dict[str, Any] = spec) -> None:
            with pytest.raises(LocalClusterError) as error:
                bed.cluster.apply([manifest(bed, "chat", estate.pool, **spec)])
            assert words in str(error.value)
            assert policy.name in str(error.value)

        eventually(check)
    bed.cluster.apply([manifest(bed, "chat", estate.pool, source="pvc://weights/qwen")])
    bed.cluster.apply([manifest(bed, "wide", estate.pool, source="s3://models/qwen3-32b", priority="P3")])
    assert bed.get(RESOURCE, "chat")["spec"]["priority"] == "P2"


@pytest.fixture
def tenant(bed: ModelNamespace, tmp_path: Path) -> Path:
    """A kubeconfig with the role edit in the namespace, and no other right."""
    bed.kubectl("create", "serviceaccount", "tenant")
    bed.kubectl("create", "rolebinding", "tenant", "--clusterrole=edit", f"--serviceaccount={bed.name}:tenant")
    token = bed.cluster.service_account_token(bed.name, "tenant")
    return bed.cluster.write_kubeconfig(tmp_path / "tenant.kubeconfig", token, namespace=bed.name)


def matrix(kubeconfig: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--kubeconfig", str(kubeconfig)], env={"COLUMNS": "200"})


def test_a_tenant_sees_its_own_namespace(bed: ModelNamespace, estate: NodePool, tenant: Path, tmp_path: Path) -> None:
    bed.deploy("chat", estate.pool)
    bed.wait_ready("chat", 1)
    status = matrix(tenant, "status", "-n", bed.name)
    assert (status.exit_code, "chat" in status.stdout) == (0, True), status.output
    assert matrix(tenant, "status", "-A").exit_code == 1
    why = matrix(tenant, "why", "chat", "-n", bed.name)
    assert (why.exit_code, "Ready=True ReplicasReady" in why.stdout) == (0, True), why.output
    assert "your rights do not include" in why.stderr
    fits, wrong = tmp_path / "fits.json", tmp_path / "wrong.json"
    fits.write_text(json.dumps(manifest(bed, "new", estate.pool)), encoding="utf-8")
    wrong.write_text(json.dumps(manifest(bed, "fp8", estate.pool, quantization="FP8")), encoding="utf-8")
    allowed = matrix(tenant, "plan", "-f", str(fits), "-n", bed.name)
    assert (allowed.exit_code, allowed.stdout) == (0, f"{bed.name}/new: no objection\n"), allowed.output
    refused = matrix(tenant, "plan", "-f", str(wrong), "-n", bed.name)
    assert refused.exit_code == 2, refused.output
    assert "910B has no FP8; use W8A8" in " ".join(refused.stdout.split())
    assert [item["metadata"]["name"] for item in bed.get(RESOURCE)["items"]] == ["chat"], "a dry run stores nothing"
