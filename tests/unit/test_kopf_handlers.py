"""kopf in this process: its own admission code calls our handlers, over HTTPS, with nothing but discovery behind it."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kopf
import pytest

from fakes.apiserver import FakeApiServer, running
from fakes.waiting import until
from fakes.webhook import Webhook, request_of, write_kubeconfig
from modelmatrix import kopf_handlers
from modelmatrix.api import names
from modelmatrix.api.names import Kind
from modelmatrix.kopf_handlers import ADMITTED, WebhookOptions, make_registry, make_settings, run_kopf
from modelmatrix.planning.admission import NO_OBJECTION, AdmissionVerdict

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
class Running:
    """kopf as the operator runs it: its task, the API server that it knows, and the webhook that it serves."""

    api: FakeApiServer
    webhook: Webhook
    starts: int = 0
    task: asyncio.Task[None] | None = None

    def started(self) -> None:
        """kopf's tasks were spawned."""
        self.starts += 1


@asynccontextmanager
async def served(folder: Path, reviews: Reviews, *, denies: bool = False) -> AsyncIterator[Running]:
    """kopf as the operator runs it."""
    webhook = Webhook(folder)
    options = WebhookOptions("127.0.0.1", webhook.port, str(webhook.certificate), str(webhook.key), denies=denies)
    async with running() as api:
        write_kubeconfig(folder / "config", api.url)
        kopf_run = Running(api, webhook)
        kopf_run.task = asyncio.create_task(run_kopf(make_registry(reviews.review, options), spawned=kopf_run.started))
        try:
            yield kopf_run
        finally:
            kopf_run.task.cancel()
            await asyncio.wait((kopf_run.task,))
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().remove_signal_handler(number)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    return tmp_path


async def test_a_warning_reaches_the_api_server(folder: Path) -> None:
    reviews = Reviews()
    async with served(folder, reviews) as kopf_run:
        await kopf_run.webhook.listening()
        response = await kopf_run.webhook.post(names.MODEL_DEPLOYMENTS)
    assert (response["uid"], response["allowed"], response["warnings"]) == ("review-1", True, list(WARNED.warnings))
    ((kind, proposed, stored),) = reviews.asked
    assert (kind, proposed["spec"], stored) == (names.MODEL_DEPLOYMENTS, {"a": 1}, None)


@pytest.mark.parametrize("kind", ADMITTED, ids=lambda kind: kind.plural)
async def test_every_kind_is_reviewed_as_itself_on_create_update_and_dry_run(folder: Path, kind: Kind) -> None:
    reviews = Reviews(NO_OBJECTION)
    before = request_of(kind)["object"] | {"spec": {"a": 0}}
    async with served(folder, reviews) as kopf_run:
        await kopf_run.webhook.listening()
        for request in ({}, {"dryRun": True}, {"operation": "UPDATE", "oldObject": before}):
            response = await kopf_run.webhook.post(kind, **request)
            assert (response["allowed"], response.get("warnings")) == (True, None)
    assert [asked for asked, _, _ in reviews.asked] == [kind] * 3
    assert [stored and stored["spec"] for _, _, stored in reviews.asked] == [None, None, {"a": 0}]


async def test_deny_mode_refuses_what_can_never_run_and_nothing_else(folder: Path) -> None:
    reviews = Reviews()
    async with served(folder, reviews, denies=True) as kopf_run:
        await kopf_run.webhook.listening()
        refused = await kopf_run.webhook.post(names.MODEL_DEPLOYMENTS)
        reviews.verdict = AdmissionVerdict(("would displace 2 replicas of retail/assistant",))
        warned = await kopf_run.webhook.post(names.MODEL_DEPLOYMENTS)
    assert refused["status"] == {"message": WARNED.refusal, "code": 422}
    assert (refused["allowed"], refused.get("warnings")) == (False, None)
    assert (warned["allowed"], warned["warnings"]) == (True, list(reviews.verdict.warnings))


async def test_a_subresource_is_not_reviewed(folder: Path) -> None:
    reviews = Reviews()
    async with served(folder, reviews, denies=True) as kopf_run:
        await kopf_run.webhook.listening()
        response = await kopf_run.webhook.post(names.MODEL_DEPLOYMENTS, operation="UPDATE", subResource="status")
    assert (response["allowed"], reviews.asked) == (True, [])


async def test_kopf_lists_and_watches_nothing(folder: Path) -> None:
    async with served(folder, Reviews()) as kopf_run:
        await kopf_run.webhook.listening()
        await kopf_run.webhook.post(names.MODEL_DEPLOYMENTS)
        await asyncio.sleep(0.1)
        assert kopf_run.api.requests == [], "discovery documents apart, which the server does not note"


async def test_a_certificate_that_comes_late_is_served_when_it_is_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kopf_handlers, "FIRST_PAUSE_SECONDS", 0.05)
    reviews = Reviews()
    async with served(folder, reviews) as kopf_run:
        (folder / "tls.crt").rename(folder / "later")
        await until(lambda: kopf_run.starts > 1)
        (folder / "later").rename(folder / "tls.crt")
        await kopf_run.webhook.listening()
        assert (await kopf_run.webhook.post(names.MODEL_DEPLOYMENTS))["warnings"] == list(WARNED.warnings)


async def test_when_kopf_ends_no_task_of_ours_does(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(kopf_handlers, "FIRST_PAUSE_SECONDS", 0.05)
    async with served(folder, Reviews()) as kopf_run:
        await kopf_run.webhook.listening()
        ours = asyncio.create_task(asyncio.Event().wait())  # younger than kopf's tasks
        (doomed,) = (task for task in asyncio.all_tasks() if task.get_name() == "admission webhook server")
        with caplog.at_level(logging.WARNING):
            doomed.cancel()
            await until(lambda: kopf_run.starts == 2)
        await kopf_run.webhook.listening()
        assert (await kopf_run.webhook.post(names.MODEL_DEPLOYMENTS))["allowed"]
        assert not ours.done()
        assert "admission is not served: admission webhook server ended" in caplog.text
        ours.cancel()


async def test_an_api_server_that_is_away_at_the_start_ends_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kopf_handlers, "FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(kopf_handlers, "make_settings", impatient)
    async with served(folder, Reviews()) as kopf_run:
        await kopf_run.api.stop()
        await until(lambda: kopf_run.starts > 1)
        assert kopf_run.task is not None
        assert not kopf_run.task.done()
        await kopf_run.api.start()
        await kopf_run.webhook.listening()
        assert (await kopf_run.webhook.post(names.MODEL_DEPLOYMENTS))["warnings"]


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
