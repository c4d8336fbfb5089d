"""kopf in this process: its own admission code calls our handlers, over HTTPS, with nothing but discovery behind it."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import kopf
import pytest
import trustme
import yaml

from fakes.apiserver import FakeApiServer, running
from fakes.waiting import until
from modelmatrix import kopf_handlers
from modelmatrix.api import names
from modelmatrix.api.names import Kind
from modelmatrix.kopf_handlers import ADMITTED, HANDLER_ID, WebhookOptions, make_registry, make_settings, run_kopf
from modelmatrix.planning.admission import SILENCE, AdmissionVerdict

WARNED = AdmissionVerdict(("ascend-a: 910B has no FP8; use W8A8",), refusal="ascend-a: 910B has no FP8; use W8A8")


@dataclass
class Reviews:
    """Answers every review with one verdict, and remembers what it was asked."""

    verdict: AdmissionVerdict = WARNED
    asked: list[tuple[Kind, Mapping[str, Any], Mapping[str, Any] | None]] = field(default_factory=list)

    async def review(self, kind: Kind, proposed: Mapping[str, Any], stored: Mapping[str, Any] | None, /) -> AdmissionVerdict:
        """The verdict."""
        self.asked.append((kind, proposed, stored))
        return self.verdict


@dataclass
class Webhook:
    """kopf behind a port, the API server that it knows, and a client that trusts its certificate."""

    api: FakeApiServer
    url: str
    authority: trustme.CA
    certificate: Path
    starts: int = 0
    task: asyncio.Task[None] | None = None

    def started(self) -> None:
        """kopf's tasks were spawned."""
        self.starts += 1

    async def post(self, kind: Kind, *, path: str = HANDLER_ID, **request: Any) -> dict[str, Any]:
        """What the API server gets for a request."""
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": _request(kind) | request}
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        async with aiohttp.ClientSession() as session, session.post(f"{self.url}/{path}", json=review, ssl=context) as answer:
            assert answer.status == 200, await answer.text()
            response: dict[str, Any] = json.loads(await answer.text())["response"]
            return response


def _request(kind: Kind) -> dict[str, Any]:
    resource = {"group": kind.group, "version": kind.version, "resource": kind.plural}
    body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "chat", "uid": "u"}, "spec": {"a": 1}}
    return {
        "uid": "review-1",
        "resource": resource,
        "operation": "CREATE",
        "userInfo": {"username": "alice"},
        "object": body,
        "oldObject": None,
        "dryRun": False,
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def served(folder: Path, reviews: Reviews, *, denies: bool = False) -> AsyncIterator[Webhook]:
    """kopf as the operator runs it."""
    authority = trustme.CA()
    options = WebhookOptions("127.0.0.1", free_port(), str(folder / "tls.crt"), str(folder / "tls.key"), denies=denies)
    issue(authority, folder)
    async with running() as api:
        config = {
            "current-context": "main",
            "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": api.url}}],
            "users": [{"name": "u", "user": {"token": "secret"}}],
        }
        (folder / "config").write_text(yaml.safe_dump(config), encoding="utf-8")
        webhook = Webhook(api, f"https://127.0.0.1:{options.port}", authority, folder / "tls.crt")
        registry = make_registry(reviews.review, options)
        webhook.task = asyncio.create_task(run_kopf(registry, spawned=webhook.started))
        try:
            yield webhook
        finally:
            webhook.task.cancel()
            await asyncio.wait((webhook.task,))
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().remove_signal_handler(number)


def issue(authority: trustme.CA, folder: Path) -> None:
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(folder / "tls.key")
    certificate.cert_chain_pems[0].write_to_path(folder / "tls.crt")


async def listening(webhook: Webhook) -> None:
    """Wait until the port answers."""
    port = int(webhook.url.rpartition(":")[2])

    async def answers() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    for _ in range(500):
        if await answers():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the webhook does not listen")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    return tmp_path


async def test_a_warning_reaches_the_api_server(folder: Path) -> None:
    reviews = Reviews()
    async with served(folder, reviews) as webhook:
        await listening(webhook)
        response = await webhook.post(names.MODEL_DEPLOYMENTS)
    assert (response["uid"], response["allowed"], response["warnings"]) == ("review-1", True, list(WARNED.warnings))
    ((kind, proposed, stored),) = reviews.asked
    assert (kind, proposed["spec"], stored) == (names.MODEL_DEPLOYMENTS, {"a": 1}, None)


@pytest.mark.parametrize("kind", ADMITTED, ids=lambda kind: kind.plural)
async def test_every_kind_is_reviewed_as_itself_on_create_update_and_dry_run(folder: Path, kind: Kind) -> None:
    reviews = Reviews(SILENCE)
    before = _request(kind)["object"] | {"spec": {"a": 0}}
    async with served(folder, reviews) as webhook:
        await listening(webhook)
        for request in ({}, {"dryRun": True}, {"operation": "UPDATE", "oldObject": before}):
            response = await webhook.post(kind, **request)
            assert (response["allowed"], response.get("warnings")) == (True, None)
    assert [asked for asked, _, _ in reviews.asked] == [kind] * 3
    assert [stored and stored["spec"] for _, _, stored in reviews.asked] == [None, None, {"a": 0}]


async def test_deny_mode_refuses_what_can_never_run_and_nothing_else(folder: Path) -> None:
    reviews = Reviews()
    async with served(folder, reviews, denies=True) as webhook:
        await listening(webhook)
        refused = await webhook.post(names.MODEL_DEPLOYMENTS)
        reviews.verdict = AdmissionVerdict(("would displace 2 replicas of retail/assistant",))
        warned = await webhook.post(names.MODEL_DEPLOYMENTS)
    assert refused["status"] == {"message": WARNED.refusal, "code": 422}
    assert (refused["allowed"], refused.get("warnings")) == (False, None)
    assert (warned["allowed"], warned["warnings"]) == (True, list(reviews.verdict.warnings))


async def test_a_subresource_is_not_reviewed(folder: Path) -> None:
    reviews = Reviews()
    async with served(folder, reviews, denies=True) as webhook:
        await listening(webhook)
        response = await webhook.post(names.MODEL_DEPLOYMENTS, operation="UPDATE", subResource="status")
    assert (response["allowed"], reviews.asked) == (True, [])


async def test_kopf_lists_and_watches_nothing(folder: Path) -> None:
    async with served(folder, Reviews()) as webhook:
        await listening(webhook)
        await webhook.post(names.MODEL_DEPLOYMENTS)
        await asyncio.sleep(0.1)
        assert webhook.api.requests == [], "discovery documents apart, which the server does not note"


async def test_a_certificate_that_comes_late_is_served_when_it_is_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kopf_handlers, "FIRST_PAUSE_SECONDS", 0.05)
    reviews = Reviews()
    async with served(folder, reviews) as webhook:
        (folder / "tls.crt").rename(folder / "later")
        await until(lambda: webhook.starts > 1)
        (folder / "later").rename(folder / "tls.crt")
        await listening(webhook)
        assert (await webhook.post(names.MODEL_DEPLOYMENTS))["warnings"] == list(WARNED.warnings)


async def test_when_kopf_ends_no_task_of_ours_does(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(kopf_handlers, "FIRST_PAUSE_SECONDS", 0.05)
    async with served(folder, Reviews()) as webhook:
        await listening(webhook)
        ours = asyncio.create_task(asyncio.Event().wait())  # younger than kopf's tasks
        (doomed,) = (task for task in asyncio.all_tasks() if task.get_name() == "admission webhook server")
        with caplog.at_level(logging.WARNING):
            doomed.cancel()
            await until(lambda: webhook.starts == 2)
        await listening(webhook)
        assert (await webhook.post(names.MODEL_DEPLOYMENTS))["allowed"]
        assert not ours.done()
        assert "admission is not served: admission webhook server ended" in caplog.text
        ours.cancel()


async def test_an_api_server_that_is_away_at_the_start_ends_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kopf_handlers, "FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(kopf_handlers, "make_settings", impatient)
    async with served(folder, Reviews()) as webhook:
        await webhook.api.stop()
        await until(lambda: webhook.starts > 1)
        assert webhook.task is not None
        assert not webhook.task.done()
        await webhook.api.start()
        await listening(webhook)
        assert (await webhook.post(names.MODEL_DEPLOYMENTS))["warnings"]


def impatient() -> kopf.OperatorSettings:
    """The settings of the operator, without retries of requests."""
    settings = make_settings()
    settings.networking.error_backoffs = []
    return settings


def test_kopf_neither_watches_nor_writes_nor_kills() -> None:
    settings = make_settings()
    assert settings.peering.standalone
    assert settings.scanning.disabled
    assert not settings.posting.enabled
    assert settings.admission.managed is None
    assert settings.process.ultimate_exiting_timeout is None, "a restart of kopf would kill the process ten minutes later"
