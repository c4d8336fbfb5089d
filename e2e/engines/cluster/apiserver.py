"""A client of the API server for pods: list, watch, and the status that a kubelet would write.

It uses raw objects. Patches are not retried: the caller repeats a change of readiness until the watch shows it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp

from engines.cluster.pods import DEPLOYMENT_LABEL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engines.cluster.kubeconfig import Access
    from engines.cluster.pods import PodView

_log = logging.getLogger(__name__)
_GONE = 410
_FIRST_RETRY_SECONDS, _SLOWEST_RETRY_SECONDS = 0.2, 5.0
_WATCH_SECONDS = 240


@dataclass(frozen=True, slots=True)
class PodEvent:
    """An event: ``LISTED`` (all existing pods), ``ADDED``, ``MODIFIED`` or ``DELETED`` (one pod)."""

    kind: str
    pods: list[dict[str, Any]]


class _Expired(Exception):
    """The resourceVersion to watch from is too old: list again."""


class ApiServer:
    """The pods of engines in one API server."""

    def __init__(self, access: Access, session: aiohttp.ClientSession) -> None:
        self._access, self._session = access, session

    async def pod_events(self) -> AsyncIterator[PodEvent]:
        """All events of pods of engines, without end; failures are logged and retried with backoff."""
        delay = _FIRST_RETRY_SECONDS
        while True:
            try:
                listed, version = await self._list()
                yield listed
                delay = _FIRST_RETRY_SECONDS
                async for event in self._watch(version):
                    yield event
            except _Expired:
                # With a delay: a server that always answers so must not be called in a tight loop.
                await asyncio.sleep(_FIRST_RETRY_SECONDS)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                _log.warning("cannot watch pods, trying again in %.1f s: %s", delay, error)
                await asyncio.sleep(delay)
                delay = min(2 * delay, _SLOWEST_RETRY_SECONDS)

    async def patch_readiness(self, view: PodView, *, is_ready: bool) -> bool:
        """Write a pod's readiness as a kubelet would; False if the pod no longer exists or has another UID."""
        url = f"{self._access.url}/api/v1/namespaces/{view.key.namespace}/pods/{view.key.name}/status"
        async with self._session.patch(
            url,
            data=json.dumps(readiness_patch(view, is_ready=is_ready)),
            headers={"Content-Type": "application/strategic-merge-patch+json"},
            ssl=self._access.tls,
        ) as response:
            if response.status in {404, 409}:
                return False
            response.raise_for_status()
            return True

    async def _list(self) -> tuple[PodEvent, str]:
        async with self._session.get(
            f"{self._access.url}/api/v1/pods", params={"labelSelector": DEPLOYMENT_LABEL}, ssl=self._access.tls
        ) as response:
            response.raise_for_status()
            content = await response.json()
        return PodEvent("LISTED", content["items"]), content["metadata"]["resourceVersion"]

    async def _watch(self, version: str) -> AsyncIterator[PodEvent]:
        while True:
            params = {
                "labelSelector": DEPLOYMENT_LABEL,
                "watch": "true",
                "allowWatchBookmarks": "true",
                "resourceVersion": version,
                "timeoutSeconds": str(_WATCH_SECONDS),
            }
            timeout = aiohttp.ClientTimeout(total=None, sock_read=_WATCH_SECONDS + 30)
            async with self._session.get(
                f"{self._access.url}/api/v1/pods", params=params, ssl=self._access.tls, timeout=timeout
            ) as response:
                if response.status == _GONE:
                    raise _Expired
                response.raise_for_status()
                async for line in _lines(response):
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise _Expired
                    version = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        yield PodEvent(event["type"], [event["object"]])


def readiness_patch(view: PodView, *, is_ready: bool) -> dict[str, Any]:
    """A strategic merge patch of a pod's status; with the UID it fails for a later pod of the same name."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = "True" if is_ready else "False"
    why = None if is_ready else "ContainersNotReady"
    names = " ".join(container["name"] for container in view.containers)
    message = None if is_ready else f"containers with unready status: [{names}]"
    return {
        "metadata": {"uid": view.uid},
        "status": {
            "conditions": [
                {"type": kind, "status": status, "lastTransitionTime": now, "reason": why, "message": message}
                for kind in ("Ready", "ContainersReady")
            ],
            "containerStatuses": [{**container, "ready": is_ready, "started": True} for container in view.containers],
        },
    }


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Lines of any length: a pod can exceed the line limit of aiohttp's stream reader."""
    rest = b""
    async for chunk in response.content.iter_any():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line:
                yield line
