"""Starts and ends processes of this machine. It never signals a pid whose start time differs from the recorded one."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GRACE_SECONDS = 10.0
_POLL_SECONDS = 0.02
_STATE_FIELD = 0  # counted after the command, which may contain spaces and brackets
_START_FIELD = 19


@dataclass(frozen=True, slots=True)
class Identity:
    """Identifies one process: the kernel reuses pids, but not with the same start time in one boot.

    Attributes:
        pid: process id, also the id of the process group it leads.
        start_ticks: start time in clock ticks since boot (field 22 of /proc/PID/stat).
        boot_id: the boot of the machine, since the ticks restart with each boot.
    """

    pid: int
    start_ticks: int
    boot_id: str


def identify(pid: int) -> Identity | None:
    """The identity of a running process; None if no process has this pid, or only a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[_STATE_FIELD] in "ZX":
        return None
    return Identity(pid=pid, start_ticks=int(fields[_START_FIELD]), boot_id=_boot_id())


def is_running(identity: Identity) -> bool:
    """Whether this process itself runs, not another one with its pid."""
    _reap(identity.pid)
    return identify(identity.pid) == identity


def spawn(argv: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None) -> Identity:
    """Start a program that outlives this process: own session, no terminal, output appended to ``log``.

    Args:
        argv: absolute path of the program, then its arguments.
        log: file for standard output and error.
        environment: variables added to this process's environment.

    Raises:
        OSError: the program cannot be started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    pid = os.posix_spawn(
        argv[0],
        list(argv),
        {**os.environ, **(environment or {})},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=[signal.SIGINT, signal.SIGPIPE, signal.SIGTERM],
    )
    # A program that has already ended is a zombie until it is reaped, so its start time can still be read.
    return identify(pid) or Identity(pid=pid, start_ticks=-1, boot_id=_boot_id())


def terminate(identities: Sequence[Identity], *, grace_seconds: float = GRACE_SECONDS) -> None:
    """Send SIGTERM to all process groups, wait for the grace period, then send SIGKILL to those that remain."""
    for identity in identities:
        _signal(identity, signal.SIGTERM)
    wait_gone(identities, timeout_seconds=grace_seconds)
    for identity in identities:
        kill(identity)


def kill(identity: Identity) -> None:
    """Send SIGKILL to the process group, and wait until the process has ended."""
    _signal(identity, signal.SIGKILL)
    wait_gone([identity], timeout_seconds=GRACE_SECONDS)


def wait_gone(identities: Sequence[Identity], *, timeout_seconds: float) -> bool:
    """Wait until none of them runs; False if the time is up before."""
    deadline = time.monotonic() + timeout_seconds
    while any(is_running(identity) for identity in identities):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _signal(identity: Identity, number: signal.Signals) -> None:
    if is_running(identity):
        with suppress(ProcessLookupError):
            os.killpg(identity.pid, number)


def _reap(pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
