"""Probes servers on the loopback address over HTTP, and waits until they are ready."""

from __future__ import annotations

import http.client
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from localcluster.errors import LocalClusterError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OK = 200
READY_TIMEOUT_SECONDS = 120.0
_REQUEST_TIMEOUT_SECONDS = 5.0
_POLL_SECONDS = 0.05
_TAIL_LINES = 12


def status_of(url: str, *, authority: Path | None = None, token: str = "") -> int | None:
    """The HTTP status of a GET; None without a response.

    It uses neither urllib nor proxies: the addresses are local, whatever proxy the environment configures.

    Args:
        url: http or https, on the loopback address.
        authority: certificate that signed the server's; the system's authorities if None.
        token: bearer token to present.
    """
    parts = urlsplit(url)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    connection = _connection(parts.scheme, parts.netloc, authority)
    try:
        connection.request("GET", parts.path or "/", headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class Server:
    """The process behind a URL.

    Attributes:
        name: the name of the process.
        log: its log file.
        is_alive: whether it still runs.
    """

    name: str
    log: Path
    is_alive: Callable[[], bool]


def wait_ready(
    server: Server,
    url: str,
    *,
    authority: Path,
    token: str = "",
    timeout_seconds: float = READY_TIMEOUT_SECONDS,
    on_poll: Callable[[str], None] | None = None,
) -> None:
    """Wait until a URL answers 200, as long as the process behind it runs.

    Args:
        server: the process behind the URL.
        url: see `status_of`.
        authority: see `status_of`.
        token: see `status_of`.
        timeout_seconds: the longest wait.
        on_poll: called before each poll with a text for the progress report.

    Raises:
        LocalClusterError: the process ended, or the time is up; the message names the log and shows its last lines.
    """
    deadline = time.monotonic() + timeout_seconds
    while not is_ready(url, authority=authority, token=token):
        if on_poll is not None:
            on_poll(f"waiting for {urlsplit(url).path}")
        if not server.is_alive():
            raise LocalClusterError(
                f"{server.name} ended before it was ready.", why=tail(server.log), advice=f"Its log: {server.log}"
            )
        if time.monotonic() > deadline:
            raise LocalClusterError(
                f"{server.name} was not ready within {timeout_seconds:.0f} s: {url} did not answer 200.",
                why=tail(server.log),
                advice=f"Its log: {server.log}",
            )
        time.sleep(_POLL_SECONDS)


def is_ready(url: str, *, authority: Path | None = None, token: str = "") -> bool:
    """Whether a server answers 200. Other codes do not count: an API server without its default roles answers 403."""
    return status_of(url, authority=authority, token=token) == OK


def tail(log: Path) -> str:
    """The last lines of a log, for an error message."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
    except FileNotFoundError:
        return "It wrote no log."


def _connection(scheme: str, netloc: str, authority: Path | None) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(netloc, timeout=_REQUEST_TIMEOUT_SECONDS)
    context = ssl.create_default_context(cafile=authority)
    return http.client.HTTPSConnection(netloc, timeout=_REQUEST_TIMEOUT_SECONDS, context=context)
