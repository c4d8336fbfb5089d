"""The whole operator in this process, before a fake API server: it reads each kind once, leads, reviews, and ends in order."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from fakes.apiserver import FakeApiServer, running
from fakes.apiserver.faults import Hang, Request, of
from fakes.waiting import until
from fakes.webhook import Webhook, free_port, request_of, write_kubeconfig
from modelmatrix import main as main_module
from modelmatrix.api import names
from modelmatrix.api.model_deployment import Priority
from modelmatrix.api.names import Kind
from modelmatrix.api.tenant_policy import CustomCode
from modelmatrix.cluster import informer as informer_module
from modelmatrix.cluster.errors import NotLeading
from modelmatrix.cluster.leader_election import LeadershipLost
from modelmatrix.main import Operator, run
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

    port: int

    @property
    def holder(self) -> str:
        """Who holds the Lease."""
        return str(self.api.stored(names.LEASES, LEASE)["spec"]["holderIdentity"])

    async def page(self, path: str) -> tuple[int, str]:
        """Status and text of a page of the operator's HTTP server."""
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}{path}") as response:
            return response.status, await response.text()

    async def says(self, path: str, words: str) -> None:
        """Wait until a page has these words."""
        text = ""
        for _ in range(500):
            with suppress(aiohttp.ClientError):
                _, text = await self.page(path)
            if words in text:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{path} never says {words}, but {text}")

    def leads(self) -> bool:
        """Whether the first cycle of the control loop has begun."""
        return self.operator.loop.silent_seconds > 0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    return tmp_path


@asynccontextmanager
async def operating(
    folder: Path,
    *,
    admits: bool = True,
    certificate: str = "",
    prepare: Callable[[FakeApiServer], object] = lambda _: None,
    waits: bool = True,
) -> AsyncIterator[Process]:
    """An operator that has begun to lead, unless it ``waits`` not; it is stopped in the end, as by a signal."""
    webhook, port = Webhook(folder), free_port()
    if certificate:
        webhook.certificate.write_text(certificate, encoding="utf-8")
    async with running() as api:
        api.put(names.ACCELERATOR_POOLS, NamespacedName("", "ascend-a"), spec=POOL)
        prepare(api)
        write_kubeconfig(folder / "config", api.url)
        settings = Settings(
            identity="operator-0",
            metrics_address=f"127.0.0.1:{port}",
            admission_address=f"127.0.0.1:{webhook.port}" if admits else "",
            admission_certificate_file=str(webhook.certificate),
            admission_key_file=str(webhook.key),
        )
        operator = Operator(settings)
        process = Process(api, webhook, operator, asyncio.create_task(operator.run()), port)
        try:
            if waits:
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


async def test_admission_waits_for_all_kinds_of_ours(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main_module, "KINDS_POLL_SECONDS", 0.01)
    monkeypatch.setattr(informer_module, "ABSENT_RECHECK_SECONDS", 0.01)
    kinds: dict[str, Kind] = {}
    prepare = lambda api: kinds.update(tenantpolicies=api.kinds.pop("tenantpolicies"))  # noqa: E731
    async with operating(folder, prepare=prepare) as process:
        await asyncio.sleep(0.2)
        assert not any("webhook" in task.get_name() for task in asyncio.all_tasks())
        process.api.kinds |= kinds
        await process.webhook.listening()


async def test_kinds_that_are_not_served_are_named_and_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(informer_module, "ABSENT_RECHECK_SECONDS", 0.01)
    async with operating(folder, admits=False) as process:
        await process.says("/readyz", "ok")
        kind = process.api.kinds.pop("modeldeployments")
        process.api.streams.end()
        await process.says("/readyz", "the API server does not serve modeldeployments: install the CRDs")
        assert (await process.page("/healthz"))[0] == 200, "a restart does not help"
        process.api.kinds["modeldeployments"] = kind
        await process.says("/readyz", "ok")
        assert (process.task.done(), process.holder) == (False, "operator-0")


async def test_an_api_server_that_is_away_at_the_start_is_named_and_waited_for(folder: Path) -> None:
    async with operating(folder, admits=False, waits=False) as process:
        await process.api.stop()
        await process.says("/readyz", "Cannot connect to host")
        assert (await process.page("/readyz"))[0] == 503
        assert (await process.page("/healthz")) == (200, "ok")
        await process.api.start()
        await until(process.leads)
        assert (await process.page("/readyz")) == (200, "ok")


def other_installation(api: FakeApiServer) -> None:
    """Another installation leads."""
    annotations = {names.ANNOTATION_INSTALLATION: "system/two"}
    spec = {"holderIdentity": "operator-0", "renewTime": "x", "leaseDurationSeconds": 10}
    api.put(names.LEASES, LEASE, metadata={"annotations": annotations}, spec=spec)


async def test_another_installation_that_leads_is_named_and_nothing_is_written(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with operating(folder, admits=False, prepare=other_installation, waits=False) as process:
        await process.says("/readyz", "another installation leads this cluster: system/two; uninstall one of them")
        _, metrics = await process.page("/metrics")
        assert "modelmatrix_other_installation_leads 1.0" in metrics
        assert "modelmatrix_leader 0.0" in metrics
        assert not process.leads()
        assert process.api.writes == []
    assert "this installation does not lead: system/two does" in caplog.text


async def test_a_leader_says_that_no_other_installation_leads(folder: Path) -> None:
    async with operating(folder, admits=False) as process:
        _, metrics = await process.page("/metrics")
        assert "modelmatrix_other_installation_leads 0.0" in metrics
        assert "modelmatrix_leader 1.0" in metrics
        stored = process.api.stored(names.LEASES, LEASE)["metadata"]["annotations"]
        assert stored == {names.ANNOTATION_INSTALLATION: "modelmatrix-system/modelmatrix"}


async def test_only_the_leader_writes(folder: Path) -> None:
    async with operating(folder, admits=False, prepare=other_installation, waits=False) as process:
        await until(lambda: not process.operator.informers.unsynced())
        for write in (
            process.operator.writer.create(names.SERVICES, LEASE, {"metadata": {"name": "x"}}),
            process.operator.writer.delete(names.SERVICES, LEASE, uid="x"),
        ):
            with pytest.raises(NotLeading):
                await write
        assert process.api.writes == []


async def test_every_request_names_its_process(folder: Path) -> None:
    async with operating(folder, admits=False) as process:
        await until(lambda: any(request.is_write and request.plural != "leases" for request in process.api.requests))
        assert set(process.api.agents) == {"modelmatrix/operator-0"}


async def test_a_write_that_does_not_end_keeps_the_lease_from_being_released(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main_module, "LAST_WRITES_SECONDS", 0.1)
    async with operating(folder, admits=False) as process:
        process.api.faults.add(Hang(), of("patch", "modeldeployments"))
        process.api.put(names.MODEL_DEPLOYMENTS, NamespacedName("bank", "chat"), spec=SPEC)
        await until(lambda: any(request.plural == "modeldeployments" and request.is_write for request in process.api.requests))
        process.operator.stop.set()
        await process.task
        assert process.holder == "operator-0", "the API server may still carry it out: the Lease has to expire"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_in_order(folder: Path, number: signal.Signals) -> None:
    async with operating(folder, admits=False) as process:
        os.kill(os.getpid(), number)
        await process.task
        assert process.holder == ""


async def test_a_leader_that_loses_the_lease_ends(folder: Path) -> None:
    async with operating(folder, admits=False) as process:
        process.api.store.patch("leases", LEASE, {"spec": {"holderIdentity": "operator-1"}})
        with pytest.raises(ExceptionGroup) as lost:
            await process.task
        assert lost.group_contains(LeadershipLost)
        assert process.holder == "operator-1"
        process.task = asyncio.create_task(asyncio.sleep(0))


@pytest.mark.parametrize(("ends", "code"), [(ExceptionGroup("parts", [LeadershipLost("late")]), 1), (None, 0)])
def test_the_exit_code_says_whether_leadership_was_lost(
    folder: Path, monkeypatch: pytest.MonkeyPatch, ends: Exception | None, code: int
) -> None:
    write_kubeconfig(folder / "config", "http://127.0.0.1:1")

    async def run_operator(_: Operator) -> None:
        if ends:
            raise ends

    monkeypatch.setattr(Operator, "run", run_operator)
    assert run(Settings()) == code


async def test_a_loop_that_hangs_is_unhealthy_only_while_it_leads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with operating(folder, admits=False) as process:
        monkeypatch.setattr(type(process.operator.loop), "silent_seconds", 121.0)
        assert await process.page("/healthz") == (503, "the control loop has not moved for 121 s")
        monkeypatch.setattr(type(process.operator.elector), "is_leader", property(lambda _: False))
        assert await process.page("/healthz") == (200, "ok")


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
