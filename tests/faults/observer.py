"""Reads and writes the API server without the proxy: what the user does, what is there, and what serves meanwhile."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import aiohttp

from faults.life import NAMESPACE, OTHERS, Object

MODELS = f"/apis/modelmatrix.io/v1alpha1/namespaces/{NAMESPACE}/modeldeployments"
WORKLOADS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
SERVICES = f"/api/v1/namespaces/{NAMESPACE}/services"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
REFUSALS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
LABEL = "modelmatrix.io/deployment"
OURS = f"?labelSelector=app.kubernetes.io/managed-by=modelmatrix,{LABEL}"


@dataclass(slots=True)
class Observer:
    """A client with the admin's token. ``lowest`` are the fewest replicas that served since it was cleared."""

    url: str
    authority: str
    token: str
    lowest: dict[str, int] = field(default_factory=dict)
    _ready: dict[str, tuple[str, bool]] = field(default_factory=dict)
    _session: aiohttp.ClientSession | None = None
    _task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, and begin to count what serves."""
        context = ssl.create_default_context(cafile=self.authority)
        headers = {"Authorization": f"Bearer {self.token}"}
        timeout = aiohttp.ClientTimeout(total=None)
        connector = aiohttp.TCPConnector(ssl=context)
        self._session = aiohttp.ClientSession(self.url, connector=connector, headers=headers, timeout=timeout)
        self._task = asyncio.create_task(self._count())

    async def close(self) -> None:
        """End."""
        if self._task:
            self._task.cancel()
        if self._session:
            await self._session.close()

    async def get(self, path: str) -> Object:
        """A document."""
        assert self._session is not None
        async with self._session.get(path) as answer:
            found: Object = await answer.json()
            return found

    async def items(self, path: str) -> list[Object]:
        """The items of a list."""
        found: list[Object] = (await self.get(path)).get("items") or []
        return found

    async def patch(self, path: str, content: Any, kind: str = MERGE) -> int:
        """A merge patch, an apply, or a JSON patch, which may be refused; the status code."""
        assert self._session is not None
        expected = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, *(REFUSALS if kind == JSON_PATCH else ()))
        query = {"fieldManager": "user", "force": "true"} if kind == APPLY else {}
        async with self._session.patch(path, data=json.dumps(content), headers={"Content-Type": kind}, params=query) as answer:
            if answer.status >= HTTPStatus.BAD_REQUEST and answer.status not in expected:
                raise AssertionError(await answer.text())
            return answer.status

    async def delete(self, path: str) -> None:
        """Delete, if it is there."""
        assert self._session is not None
        async with self._session.delete(path) as answer:
            await answer.read()

    async def apply(self, name: str, document: Object | None) -> None:
        """What the user does with a ModelDeployment; ``None`` deletes it."""
        if document is None:
            await self.delete(f"{MODELS}/{name}")
        else:
            await self.patch(f"{MODELS}/{name}", document, APPLY)

    async def state(self) -> dict[str, Any]:
        """Everything of ours in a form that does not depend on names of pods, nodes, times and UIDs."""
        models, workloads, services, pods = await asyncio.gather(
            *(self.items(path) for path in (MODELS, WORKLOADS + OURS, SERVICES + OURS, PODS + OURS))
        )
        return {
            "models": {item["metadata"]["name"]: _told(item) for item in models},
            "workloads": {
                item["metadata"]["name"]: _workload(item) for item in workloads if "canary" not in item["metadata"]["name"]
            },
            "services": {item["metadata"]["name"]: item["spec"]["selector"] for item in services},
            "pods": sorted(_pod(item) for item in pods),
        }

    async def foreign(self) -> list[Any]:
        """What is others', without what Kubernetes writes into it."""
        paths = (f"{WORKLOADS}/canary", f"{SERVICES}/canary", f"/apis/apps/v1/namespaces/{OTHERS}/deployments/alpha-0000000")
        found = [await self.get(path) for path in paths]
        names = ("uid", "labels", "annotations", "ownerReferences", "deletionTimestamp")
        return [{"spec": item.get("spec"), **{name: item.get("metadata", {}).get(name) for name in names}} for item in found]

    def clear_lowest(self) -> None:
        """Count from now on."""
        self.lowest = dict(self._serving())

    def _serving(self) -> Counter[str]:
        return Counter(name for name, ready in self._ready.values() if ready)

    async def _count(self) -> None:
        """Follow the pods for as long as this is open."""
        while True:
            listed = await self.get(PODS + OURS)
            self._ready = {item["metadata"]["uid"]: _serves(item) for item in listed["items"]}
            version = listed["metadata"]["resourceVersion"]
            assert self._session is not None
            async with self._session.get(f"{PODS}{OURS}&watch=true&resourceVersion={version}") as stream:
                async for line in stream.content:
                    self._see(json.loads(line))

    def _see(self, event: Mapping[str, Any]) -> None:
        item = event["object"]
        uid = item["metadata"].get("uid", "")
        if event["type"] == "DELETED":
            self._ready.pop(uid, None)
        elif event["type"] in ("ADDED", "MODIFIED"):
            self._ready[uid] = _serves(item)
        serving = self._serving()
        for name in self.lowest:
            self.lowest[name] = min(self.lowest[name], serving[name])


def _serves(item: Object) -> tuple[str, bool]:
    conditions = item.get("status", {}).get("conditions") or ()
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return item["metadata"]["labels"].get(LABEL, ""), ready and "deletionTimestamp" not in item["metadata"]


def _told(item: Object) -> Object:
    """What a status says that does not depend on how it came to be, and whether it is about the present spec."""
    status = item.get("status") or {}
    current = status.get("observedGeneration") == item["metadata"]["generation"]
    conditions = {item["type"]: (item["status"], item["reason"]) for item in status.get("conditions", ())}
    placements = sorted((item["pool"], item["desired"], item["ready"]) for item in status.get("placements", ()))
    numbers = {name: status.get(name) for name in ("replicas", "readyReplicas", "desiredReplicas")}
    return {"conditions": conditions, "placements": placements, "current": current, **numbers}


def _workload(item: Object) -> Object:
    metadata = item["metadata"]
    return {
        "replicas": item["spec"]["replicas"],
        "labels": metadata.get("labels"),
        "digest": len(metadata.get("annotations", {}).get("modelmatrix.io/manifest-digest", "")),
        "owned": [owner["kind"] for owner in metadata.get("ownerReferences") or ()],
        "images": [each["image"] for each in item["spec"]["template"]["spec"]["containers"]],
    }


def _pod(item: Object) -> tuple[str, str, bool]:
    labels = item["metadata"]["labels"]
    return labels.get(LABEL, ""), labels.get("modelmatrix.io/pool", ""), _serves(item)[1]
