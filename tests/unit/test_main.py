"""The whole operator in this process, before a fake API server: it reads each kind once, leads, reviews, and ends in order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from fakes.apiserver import FakeApiServer, running
from fakes.apiserver.faults import Request
from fakes.waiting import until
from fakes.webhook import Webhook, request_of, write_kubeconfig
from modelmatrix.api import names
from modelmatrix.api.model_deployment import Priority
from modelmatrix.api.tenant_policy import CustomCode
from modelmatrix.main import Operator
from modelmatrix.planning.snapshot.snapshot import SAFE_DEFAULTS, TenantDefaults
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.settings import Settings

LEASE = NamespacedName("kube-system", names.LEASE_NAME)
SPEC = {
    "model": {"name": "Qwen3-32B", "source": "s3://models/qwen3-32b"},
    "quantization": "FP8",
    "pools": [{"name": "ascend-a"}],
}
POOL = {"accelerator": "910b-64g", "resourceName": "huawei.com/Ascend910", "nodeSelector": {"pool": "ascend-a"}}


@dataclass
class Process:
    """An operator that runs, and what is around it."""

    api: FakeApiServer
    webhook: Webhook
    operator: Operator
    task: asyncio.Task[None]

    @property
    def holder(self) -> str:
        """Who holds the Lease."""
        return str(self.api.stored(names.LEASES, LEASE)["spec"]["holderIdentity"])

    def leads(self) -> bool:
        """Whether the first cycle of the control loop has begun."""
        return self.operator.loop.silent_seconds > 0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    return tmp_path


@asynccontextmanager
async def operating(folder: Path, *, admits: bool = True, certificate: str = "") -> AsyncIterator[Process]:
    """An operator that has begun to lead; it is stopped in the end, as by a signal."""
    webhook = Webhook(folder)
    if certificate:
        webhook.certificate.write_text(certificate, encoding="utf-8")
    async with running() as api:
        api.put(names.ACCELERATOR_POOLS, NamespacedName("", "ascend-a"), spec=POOL)
        write_kubeconfig(folder / "config", api.url)
        settings = Settings(
            identity="operator-0",
            metrics_address="127.0.0.1:0",
            admission_address=f"127.0.0.1:{webhook.port}" if admits else "",
            admission_certificate_file=str(webhook.certificate),
            admission_key_file=str(webhook.key),
        )
        operator = Operator(settings)
        process = Process(api, webhook, operator, asyncio.create_task(operator.run()))
        try:
            await until(lambda: process.leads() or process.task.done())
            yield process
        finally:
            operator.stop.set()
            await process.task


def _read(request: Request) -> tuple[str, ...]:
    """A kind with its selectors: pods are read twice, live ones and failed ones of ours."""
    selectors = (request.query.get("labelSelector", ""), request.query.get("fieldSelector", ""))
    return request.verb, request.plural, *selectors


async def test_every_kind_is_listed_and_watched_once(folder: Path) -> None:
    async with operating(folder) as process:
        await process.webhook.listening()
        reads = Counter(_read(request) for request in process.api.requests if request.verb in ("list", "watch"))
    assert len(reads) == 2 * len(process.operator.informers.caches)
    assert set(reads.values()) == {1}


async def test_a_proposal_is_reviewed_with_what_the_informers_have(folder: Path) -> None:
    async with operating(folder) as process:
        await process.webhook.listening()
        proposal = request_of(names.MODEL_DEPLOYMENTS)["object"] | {"spec": SPEC}
        response = await process.webhook.post(names.MODEL_DEPLOYMENTS, object=proposal)
    assert response["allowed"]
    assert "910B has no FP8; use W8A8" in response["warnings"][0]


async def test_without_admission_kopf_is_not_started(folder: Path) -> None:
    async with operating(folder, admits=False):
        assert not any("webhook" in task.get_name() for task in asyncio.all_tasks())


async def test_a_stop_releases_the_lease_and_ends_everything(folder: Path) -> None:
    before = asyncio.all_tasks()
    async with operating(folder) as process:
        await process.webhook.listening()
        assert process.holder == "operator-0"
        process.operator.stop.set()
        await process.task
        assert process.holder == ""
        ours = {task.get_name() for task in asyncio.all_tasks() - before}
    assert not ours & {"informers", "election", "control loop", "cycles", "statuses", "signals", "admission"}
    assert not any("admission" in name for name in ours)


async def test_an_operator_whose_certificate_is_broken_leads_all_the_same(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with operating(folder, certificate="not a certificate") as process:
        await until(lambda: "admission is not served" in caplog.text)
        assert process.holder == "operator-0"
        assert not process.task.done()
        assert process.operator._unhealthy() == ""  # noqa: SLF001 - what /healthz answers
        assert process.operator._unready() == ""  # noqa: SLF001


@pytest.mark.parametrize(("given", "names_"), [("-", ()), ("weights-*,hub", ("weights-*", "hub"))])
async def test_the_defaults_of_tenants_reach_the_plan(folder: Path, given: str, names_: tuple[str, ...]) -> None:
    write_kubeconfig(folder / "config", "http://127.0.0.1:1")
    settings = Settings(tenancy_highest_priority="P3", tenancy_custom_code="Allow", tenancy_secret_names=given)
    assert Operator(settings).loop.settings.tenancy == TenantDefaults(Priority.P3, CustomCode.ALLOW, names_)
    assert Operator(Settings()).loop.settings.tenancy == SAFE_DEFAULTS


async def test_policies_and_namespaces_reach_the_plan_and_statuses_are_written(folder: Path) -> None:
    async with operating(folder, admits=False) as process:
        desk, chat = NamespacedName("", "desk"), NamespacedName("bank", "chat")
        process.api.put(names.NAMESPACES, NamespacedName("", "bank"), metadata={"labels": {"unit": "desk"}})
        spec = {"namespaceSelector": {"matchLabels": {"unit": "desk"}}, "highestPriority": "P3"}
        process.api.put(names.TENANT_POLICIES, desk, spec=spec)
        process.api.put(names.MODEL_DEPLOYMENTS, chat, spec=SPEC | {"priority": "P1"})
        await until(lambda: process.api.stored(names.TENANT_POLICIES, desk).get("status", {}).get("deployments") == 1)
        await until(lambda: "TenantPolicy desk allows" in str(process.api.stored(names.MODEL_DEPLOYMENTS, chat).get("status")))


async def test_admission_waits_for_all_kinds_of_ours(folder: Path) -> None:
    async with operating(folder, admits=False) as process:
        assert process.operator.informers.absent_own_kinds() == []
        process.operator.informers.tenant_policies.present = False
        assert process.operator.informers.absent_own_kinds() == ["tenantpolicies"]


async def test_metrics_are_for_all_unless_the_setting_asks_the_api_server(folder: Path) -> None:
    async with running() as api:
        write_kubeconfig(folder / "config", api.url)
        assert Operator(Settings())._secure() is None  # noqa: SLF001
        secured = Operator(Settings(metrics_secure=True))
        serving = secured._secure()  # noqa: SLF001
        assert serving is not None
        async with secured.reader:
            assert await serving.status_of("") == 401
            assert not api.requests, "nobody's token is no question"
            assert await serving.status_of("token") == 503, "an API server without reviews"
            assert [request.plural for request in api.requests] == ["tokenreviews"]


async def test_a_pod_reaches_the_plan_as_a_replica_only_by_its_controllers(folder: Path) -> None:
    labels = {
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        names.LABEL_DEPLOYMENT: "chat",
        names.LABEL_APP_INSTANCE: "chat-1",
        names.LABEL_ROLE: names.ROLE_LEADER,
    }
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    async with operating(folder, admits=False) as process:
        process.api.put(names.PODS, NamespacedName("bank", "thief"), metadata={"labels": labels}, spec={}, status=status)
        await until(lambda: bool(process.operator.loop.snapshot().pods))
        assert [pod.workload for pod in process.operator.loop.snapshot().pods] == [""]
