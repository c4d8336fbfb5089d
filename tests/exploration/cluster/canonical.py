"""States that differ only in names and in the clock are one: numbers become ranks, times become ages, up to a longest age."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import Any

from exploration.cluster.model import Pod, State, Workload, Write
from exploration.cluster.views import wall_seconds
from exploration.operator_steps import TIME
from modelmatrix.api.conditions import parse_timestamp

OLDEST_TICKS = 40
_UID = re.compile(r"^(pod|workload|service)-(\d+)$")


def canonical(state: State) -> tuple[Any, ...]:
    """A value that is equal for states that behave alike."""
    server, stale = state.server, dict(state.stale)
    pods = (*server.pods, *stale.get("pods", ()))
    workloads = (*server.workloads, *stale.get("workloads", ()))
    numbers = {item.number for item in (*pods, *workloads, *server.services)} | {pod.workload for pod in pods}
    rank = {number: index for index, number in enumerate(sorted(numbers))}
    return (
        tuple(replace(model, status=_aged(model.status, state.now)) for model in server.models),
        tuple(replace(pool, status=_aged(pool.status, state.now)) for pool in server.pools),
        server.nodes,
        server.full,
        tuple(_workload(item, rank) for item in server.workloads),
        tuple(_pod(pod, rank, state.now) for pod in server.pods),
        tuple((item.key, item.owner, item.manifest) for item in server.services),
        tuple((kind, tuple(_stale(item, rank, state.now) for item in items)) for kind, items in state.stale),
        tuple(_write(write, rank, state.now) for write in state.in_flight),
        tuple(_write(write, rank, state.now) for write in state.held),
        state.failures,
        state.debts,
        state.edits,
        state.budget,
    )


def _workload(item: Workload, rank: dict[int, int]) -> tuple[Any, ...]:
    return (
        *(item.key, rank[item.number], item.owner, item.manifest, item.replicas, item.surge),
        *(item.generation == item.observed, item.failure),
    )


def _pod(pod: Pod, rank: dict[int, int], now: int) -> tuple[Any, ...]:
    age = min(now - pod.created, OLDEST_TICKS)
    return (
        *(rank[pod.number], rank[pod.workload], pod.manifest, age, pod.node),
        *(pod.ready, pod.deleting, pod.marked, pod.problem),
    )


def _stale(item: Any, rank: dict[int, int], now: int) -> Any:
    if isinstance(item, Pod):
        return _pod(item, rank, now)
    if isinstance(item, Workload):
        return _workload(item, rank)
    return replace(item, status=_aged(item.status, now)) if hasattr(item, "status") else item


def _write(write: Write, rank: dict[int, int], now: int) -> Any:
    match = _UID.match(write.target)
    target = f"{match[1]}-{rank.get(int(match[2]), 'gone')}" if match else write.target
    statuses = tuple((kind, key, _aged(text, now)) for kind, key, text in write.statuses)
    return replace(write, target=target, statuses=statuses)


@lru_cache(maxsize=200_000)
def _aged(status: str, now: int) -> str:
    """A status whose times are ages in seconds."""
    oldest = OLDEST_TICKS * 30

    def age(match: re.Match[str]) -> str:
        return str(min(oldest, round(wall_seconds(now) - parse_timestamp(match[0].strip('"')))))

    return TIME.sub(age, status)
