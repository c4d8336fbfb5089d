"""kopf: the process's credentials, its life cycle, and wake-ups. Handlers tell that something changed; they decide nothing.

No change handlers, timers or daemons: they would write annotations and finalizers into users' objects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kopf

from modelmatrix.api import names
from modelmatrix.control.informers import ChangeListener

WATCHED = (names.MODEL_DEPLOYMENTS, names.ACCELERATOR_POOLS)


def make_registry(wake: ChangeListener, *, started: Callable[[], None]) -> kopf.OperatorRegistry:
    """Handlers that tell of every changed object of our own kinds. ``started`` is called when kopf has set itself up."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(_login)
    kopf.on.startup(registry=registry)(_starter(started))
    for kind in WATCHED:
        kopf.on.event(kind.group, kind.version, kind.plural, id=f"wake-{kind.plural}", registry=registry)(_waker(wake))
    return registry


def make_settings() -> kopf.OperatorSettings:
    """Kopf without everything that writes or blocks."""
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.watching.connect_timeout = 10
    settings.networking.connect_timeout = 5
    settings.networking.request_timeout = 30
    settings.queueing.error_delays = (1, 2, 5, 10, 30, 60)
    settings.persistence.finalizer = f"{names.GROUP}/none"
    return settings


def _starter(started: Callable[[], None]) -> Callable[..., Any]:
    async def on_startup(**_: Any) -> None:
        started()

    return on_startup


def _waker(wake: ChangeListener) -> Callable[..., Any]:
    async def changed(**_: Any) -> None:
        wake(follows=True)  # the caches know better whether it does

    return changed


def _login(settings: kopf.OperatorSettings, **_: Any) -> kopf.ConnectionInfo | None:
    return kopf.login_with_service_account(settings=settings) or kopf.login_with_kubeconfig(settings=settings)
