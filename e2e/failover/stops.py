"""Stops the leader in one of three ways, and reads from the audit log what each process did then."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from apicost.audit import Request, read_requests
from localcluster.cluster import Cluster
from playground.testing import OPERATOR, leader

PATIENCE_SECONDS = 90.0
SUSPENDED_SECONDS = 30.0
MAX_LINE_BYTES = 1_000_000
SETTLED_SECONDS = 3.0  # the restarted process is a candidate again, and writes of the deposed one would have come

CRASH, GRACEFUL, SUSPENDED = "crash", "graceful", "suspended"
SIGNALS = {CRASH: signal.SIGKILL, GRACEFUL: signal.SIGTERM, SUSPENDED: signal.SIGSTOP}


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop: how, and the seconds until the next leader's first write. ``late`` are writes that a deposed leader sent."""

    way: str
    seconds: float
    late: tuple[Request, ...]


async def stop_leader(cluster: Cluster, way: str) -> Stop:
    """Stop the leader, wait until another one writes, and start the process again."""
    deposed, start = leader(cluster), _end_of_lines(cluster)
    identity = cluster.state.processes[deposed].identity
    assert identity is not None
    stopped_at = time.time()
    os.kill(identity.pid, SIGNALS[way])
    first = await _first_write(cluster, deposed, stopped_at, start)
    if way == SUSPENDED:
        await asyncio.sleep(max(0.0, stopped_at + SUSPENDED_SECONDS - time.time()))
        os.kill(identity.pid, signal.SIGCONT)
    while cluster.is_running(deposed):  # noqa: ASYNC110 - another process ends: nothing sets an event
        await asyncio.sleep(0.1)
    await asyncio.to_thread(cluster.start_process, deposed)
    await asyncio.sleep(SETTLED_SECONDS)
    return Stop(way, first - stopped_at, tuple(_late(deposed, list(_requests(cluster, stopped_at, start)))))


async def _first_write(cluster: Cluster, deposed: str, since: float, start: int) -> float:
    """When another process than the deposed one first wrote an object."""
    while time.time() < since + PATIENCE_SECONDS:
        for request in _requests(cluster, since, start):
            if _is_write(request) and request.agent != _agent(deposed):
                return request.seconds
        await asyncio.sleep(0.2)
    raise TimeoutError(f"no process follows {deposed}")


def _late(deposed: str, requests: Sequence[Request]) -> Iterator[Request]:
    """Writes of the deposed leader, received after another one has taken the Lease."""
    taken_at = min(r.seconds for r in requests if _is_renewal(r) and r.agent != _agent(deposed))
    for request in requests:
        if _is_write(request) and request.agent == _agent(deposed) and request.seconds > taken_at:
            yield request


def _agent(process: str) -> str:
    return f"modelmatrix/{process}"


def _is_write(request: Request) -> bool:
    return request.is_write and request.resource != "leases"


def _is_renewal(request: Request) -> bool:
    return request.is_write and request.resource == "leases" and request.code < HTTPStatus.BAD_REQUEST


def _requests(cluster: Cluster, since: float, start: int) -> Iterator[Request]:
    return read_requests(cluster.audit_log, since, user=OPERATOR, start=start)


def _end_of_lines(cluster: Cluster) -> int:
    """The byte of the audit log where the next line begins, or one before it."""
    with cluster.audit_log.open("rb") as log:
        content = log.seek(max(0, cluster.audit_log.stat().st_size - MAX_LINE_BYTES)), log.read()
    return content[0] + content[1].rfind(b"\n") + 1
