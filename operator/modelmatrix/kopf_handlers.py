"""kopf carries admission: its webhook server, its log-in, start-up and clean-up, one validating handler a kind of ours.

1. ``make_registry`` registers the handlers. They hold no decision: a reviewer gives the verdict, a handler passes it on.
2. ``run_kopf`` spawns kopf's tasks beside ours and spawns them again, with growing pauses, whenever one of them ends. So
   neither a broken certificate nor an API server that is away ends an operator that is healthy.
3. kopf reads the API server's discovery documents at its start, to know these kinds, and nothing afterwards: without
   watching handlers it opens no watch, and the configuration of the webhook belongs to the chart (``managed`` is None).

``run_tasks`` and ``operator`` of kopf are not used: when they end, they cancel every task of the event loop that is younger
than they are, our own included. kopf's liveness endpoint is not used either: it knows no readiness, and it ends with kopf,
while an operator without admission is still healthy.

No change handlers, timers or daemons: they would write annotations and finalizers into users' objects.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import kopf

from modelmatrix.api import names
from modelmatrix.api.names import Kind
from modelmatrix.cluster.operator_login import log_in
from modelmatrix.planning.admission import AdmissionVerdict

_log = logging.getLogger(__name__)

HANDLER_ID = "review"  # the path of the webhook's URL
ADMITTED = (
    *(names.MODEL_DEPLOYMENTS, names.ACCELERATOR_POOLS, names.MODEL_PROFILES, names.ENGINE_PROFILES),
    names.TENANT_POLICIES,
)
UNPROCESSABLE = 422  # as the API server's own validation answers
FIRST_PAUSE_SECONDS = 1.0
LAST_PAUSE_SECONDS = 60.0
END_SECONDS = 5.0


class Review(Protocol):
    """Gives the verdict on a proposed object; ``stored`` is what it takes the place of. Never raises."""

    def __call__(
        self, kind: Kind, proposed: Mapping[str, Any], stored: Mapping[str, Any] | None, /
    ) -> Awaitable[AdmissionVerdict]:
        """The verdict."""


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """Where the webhook listens, with which certificate, and whether it refuses what can never run."""

    host: str
    port: int
    certificate_file: str
    key_file: str
    denies: bool = False


def make_registry(review: Review, options: WebhookOptions) -> kopf.OperatorRegistry:
    """All handlers."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(_log_in)
    kopf.on.startup(registry=registry)(_starter(options))
    kopf.on.cleanup(registry=registry)(_clean_up)
    for kind in ADMITTED:
        validate = kopf.on.validate(
            *(kind.group, kind.version, kind.plural), id=HANDLER_ID, operations=["CREATE", "UPDATE"], registry=registry
        )
        validate(_validator(kind, review, denies=options.denies))
    return registry


def make_settings() -> kopf.OperatorSettings:
    """Kopf without everything that writes, watches or kills."""
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.admission.managed = None
    settings.networking.connect_timeout = 5
    settings.networking.request_timeout = 30
    settings.process.ultimate_exiting_timeout = None  # it would kill the process ten minutes after kopf's tasks were restarted
    settings.persistence.finalizer = f"{names.GROUP}/none"
    return settings


async def run_kopf(registry: kopf.OperatorRegistry, *, spawned: Callable[[], None]) -> None:
    """Run kopf's tasks until cancelled. ``spawned`` is called after each start, to take the signal handlers back."""
    logging.getLogger("kopf.objects").setLevel(logging.CRITICAL)  # a refusal is for the user to read
    pause = FIRST_PAUSE_SECONDS
    while True:
        started = time.monotonic()
        reason = await _run_once(registry, spawned)
        if time.monotonic() - started > LAST_PAUSE_SECONDS:
            pause = FIRST_PAUSE_SECONDS
        _log.warning("admission is not served: %s; starting it again in %.0f s", reason, pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LAST_PAUSE_SECONDS)


async def _run_once(registry: kopf.OperatorRegistry, spawned: Callable[[], None]) -> str:
    """Run kopf's tasks until one of them ends, and end the others; why it ended."""
    tasks = await kopf.spawn_tasks(registry=registry, settings=make_settings(), standalone=True, clusterwide=True)
    spawned()
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return "; ".join(map(_reason, done))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=END_SECONDS)


def _reason(task: asyncio.Task[Any]) -> str:
    error = None if task.cancelled() else task.exception()
    return f"{task.get_name()}: {type(error).__name__}: {error}" if error else f"{task.get_name()} ended"


def _starter(options: WebhookOptions) -> Callable[..., Any]:
    async def on_startup(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.admission.server = kopf.WebhookServer(
            addr=options.host or None,
            port=options.port,
            certfile=options.certificate_file,
            pkeyfile=options.key_file,
        )
        _log.info("admission is served on port %d", options.port)

    return on_startup


async def _clean_up(**_: Any) -> None:
    _log.info("admission has ended")


def _validator(kind: Kind, review: Review, *, denies: bool) -> Callable[..., Any]:
    async def validate(
        new: Mapping[str, Any], old: Mapping[str, Any] | None, warnings: list[str], subresource: str | None, **_: Any
    ) -> None:
        if subresource is not None:
            return
        verdict = await review(kind, dict(new), dict(old) if old is not None else None)
        if denies and verdict.refusal:
            raise kopf.AdmissionError(verdict.refusal, code=UNPROCESSABLE)
        warnings.extend(verdict.warnings)

    return validate


def _log_in(settings: kopf.OperatorSettings, **_: Any) -> kopf.ConnectionInfo | None:
    return log_in(settings)[0]
