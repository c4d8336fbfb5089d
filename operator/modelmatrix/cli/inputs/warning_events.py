"""Warning events of a deployment's pods and workloads: the only place where the kubelet says why a volume is not mounted.

The operator reads no events, because a cluster has many; ``why`` reads those of one namespace, once. Import it only where a
cluster is read, as ``live_cluster``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modelmatrix.api.names import Kind
from modelmatrix.cli.inputs.kubeconfig import kubeconfig_login
from modelmatrix.cli.options import ClusterOptions
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.errors import ApiError, TransientError

CORE_EVENTS = Kind("", "v1", "events", "Event")  # with the field selectors that the newer group lacks
SHOWN = 3

Event = Mapping[str, Any]


def warning_events(options: ClusterOptions, namespace: str, owners: Sequence[str]) -> list[str]:
    """The newest warnings about objects whose names begin with one of ``owners``; none where the user may not read events."""
    credentials, _ = kubeconfig_login(options)
    try:
        return newest_words(asyncio.run(_read(ApiClient(credentials), namespace)), owners)
    except (ApiError, TransientError):
        return []


async def _read(client: ApiClient, namespace: str) -> list[dict[str, Any]]:
    async with client:
        items, _ = await client.list(CORE_EVENTS, fields=f"type=Warning,metadata.namespace={namespace}")
    return items


def newest_words(events: Iterable[Event], owners: Sequence[str]) -> list[str]:
    """``Kind name: Reason: message``, the newest first, each reason of a kind once, at most three."""
    found: dict[tuple[str, str], str] = {}
    for event in sorted(events, key=_time, reverse=True):
        regarded = event.get("involvedObject") or {}
        kind, name, reason = str(regarded.get("kind", "")), str(regarded.get("name", "")), str(event.get("reason", ""))
        if any(name == owner or name.startswith(f"{owner}-") for owner in owners):
            found.setdefault((kind, reason), f"{kind} {name}: {reason}: {event.get('message', '')}")
    return list(found.values())[:SHOWN]


def _time(event: Event) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")
