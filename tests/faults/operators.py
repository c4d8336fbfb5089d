"""Operators of this process, each in a thread with an event loop of its own, whose clock runs faster than the world's.

So leases, back-offs and delays take a fraction of their time, while the API server behind the proxy is as fast as it is. A
killed one is cut from the network first: what it still does reaches nobody. A stopped one's loop is blocked, as by SIGSTOP.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import selectors
import sys
import threading
import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

from modelmatrix import main
from modelmatrix.cluster import client
from modelmatrix.cluster.credentials import Credentials
from modelmatrix.settings import Settings

SPEED = 4.0
SERVER_SILENCE_SECONDS = 150.0 * SPEED  # the API server sends bookmarks by the clock of the world
_log = logging.getLogger(__name__)


def fast_monotonic() -> float:
    """The monotonic clock of operators."""
    return time.monotonic() * SPEED


class _FastSelector(selectors.DefaultSelector):
    """Waits a fraction of the time that the loop asks for."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout / SPEED if timeout and timeout > 0 else timeout)


class _FastLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__(_FastSelector())

    def time(self) -> float:
        return fast_monotonic()


def run_fast() -> Callable[[], None]:
    """Give every module of the operator the fast clock; returns what undoes it."""
    shim = SimpleNamespace(**{name: getattr(time, name) for name in dir(time)})
    shim.monotonic = fast_monotonic
    changed: list[tuple[ModuleType, str, object]] = []
    for name, module in list(sys.modules.items()):
        if name.startswith("modelmatrix.") and module is not None:
            for attribute, value in (("time", shim), ("monotonic", fast_monotonic)):
                found = getattr(module, attribute, None)
                if found is time or found is time.monotonic:
                    changed.append((module, attribute, found))
                    setattr(module, attribute, value)
    silence, client.WATCH_SILENCE_SECONDS = client.WATCH_SILENCE_SECONDS, SERVER_SILENCE_SECONDS
    frozen = main.gc
    main.gc = SimpleNamespace(freeze=lambda: None)  # type: ignore[assignment]  # this process makes many operators

    def undo() -> None:
        for module, attribute, value in changed:
            setattr(module, attribute, value)
        main.gc, client.WATCH_SILENCE_SECONDS = frozen, silence

    return undo


class _Operator(main.Operator):
    """The operator as it is, without the process's signal handlers, which belong to the main thread."""

    def _listen(self) -> None:
        pass


class OperatorThread:
    """One operator at a port of the proxy."""

    def __init__(self, name: str, port: int, namespace: str, origin: float) -> None:
        self.name = name
        self.ended = threading.Event()
        self.error = ""
        self._credentials = Credentials(f"http://127.0.0.1:{port}", None, "token", None)
        self._settings = Settings(
            namespace=namespace,
            identity=name,
            metrics_address="127.0.0.1:0",
            time_scale=SPEED,
            time_origin=origin,
        )
        self._loop = _FastLoop()
        self._paused = threading.Event()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start."""
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._main())
        try:
            self._loop.run_until_complete(self._task)
        except (asyncio.CancelledError, BaseExceptionGroup) as error:
            self.error = repr(error)[:300]
        finally:
            with contextlib.suppress(RuntimeError):
                self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
            self.ended.set()

    async def _main(self) -> None:
        original, main.operator_credentials = main.operator_credentials, lambda: self._credentials
        try:
            operator = _Operator(self._settings)
        finally:
            main.operator_credentials = original
        await operator.run()

    def end(self) -> None:
        """Cancel everything; the caller has cut it from the network if it was to be killed."""
        self.resume()
        if not self.ended.is_set() and self._task is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._task.cancel)

    def stop(self) -> None:
        """Stop its loop at the next moment, as SIGSTOP does."""
        self._paused.clear()
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._paused.wait)

    def resume(self) -> None:
        """Continue, as SIGCONT does."""
        self._paused.set()

    def join(self, seconds: float) -> bool:
        """Whether it has ended in time."""
        return self.ended.wait(seconds)
