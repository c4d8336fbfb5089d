from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from modelmatrix.api import names
from modelmatrix.api.names import Kind
from modelmatrix.catalogue.loader import builtin
from modelmatrix.cluster.client import ListPage
from modelmatrix.control.informers import Informers

SPEC = {
    "model": {"name": "Qwen3-32B", "source": "s3://models/qwen3-32b"},
    "quantization": "W8A8",
    "pools": [{"name": "a"}],
}


def chat(version: int, *, generation: int = 1, **status: Any) -> dict[str, Any]:
    metadata = {"name": "chat", "namespace": "bank", "uid": "u", "generation": generation, "resourceVersion": str(version)}
    return {"metadata": metadata, "spec": SPEC, "status": status}


class ScriptedClient:
    """Nothing but some changes of one kind."""

    def __init__(self, kind: Kind, *changes: tuple[str, dict[str, Any]]) -> None:
        self.kind, self.changes = kind, changes

    async def pages(self, _kind: Kind, **_: str) -> AsyncIterator[ListPage]:
        """An empty list."""
        yield ListPage([], "1")

    async def watch(self, kind: Kind, _version: str, **_: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """The changes, and silence."""
        for change in self.changes if kind == self.kind else ():
            yield change
        await asyncio.Event().wait()


async def told_of(kind: Kind, *changes: tuple[str, dict[str, Any]]) -> list[bool]:
    """What a state says of changes: whether each may follow from our own writes."""
    told: list[bool] = []

    def listen(*, follows: bool) -> None:
        told.append(follows)

    state = Informers(ScriptedClient(kind, *changes), builtin(), listen)  # type: ignore[arg-type]
    task = asyncio.create_task(state.run())
    await state.synced()
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return told


async def test_a_new_spec_is_news_and_a_status_is_an_echo() -> None:
    told = await told_of(
        names.MODEL_DEPLOYMENTS,
        ("ADDED", chat(2)),
        ("MODIFIED", chat(3, replicas=1)),
        ("MODIFIED", chat(4, generation=2, replicas=1)),
        ("DELETED", chat(5, generation=2)),
        ("ADDED", chat(6)),
    )
    assert told == [False, True, False, False, False]


def policy(version: int, *, generation: int = 1, **status: Any) -> dict[str, Any]:
    metadata = {"name": "desk", "uid": "u", "generation": generation, "resourceVersion": str(version)}
    return {"metadata": metadata, "spec": {"namespaceSelector": {}}, "status": status}


async def test_the_status_of_a_policy_is_an_echo_too() -> None:
    changes = (("ADDED", policy(2)), ("MODIFIED", policy(3, namespaces=1)), ("MODIFIED", policy(4, generation=2, namespaces=1)))
    assert await told_of(names.TENANT_POLICIES, *changes) == [False, True, False]


async def test_services_follow_from_our_own_writes() -> None:
    service = {"metadata": {"name": "chat", "namespace": "bank", "uid": "u", "resourceVersion": "2"}, "spec": {}}
    assert await told_of(names.SERVICES, ("ADDED", service)) == [True]


FAILED_PODS = names.PODS._replace(plural="failed pods")


def owned(name: str, owner: str = "", **fields: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/managed-by": "modelmatrix", "modelmatrix.io/deployment": "chat"}
    metadata = {"name": name, "namespace": "bank", "uid": f"uid-{name}", "resourceVersion": "2", "labels": labels}
    owners = [{"uid": f"uid-{owner}", "controller": True}] if owner else []
    return {"metadata": metadata | {"ownerReferences": owners}, "spec": {}} | fields


async def test_a_pod_is_ours_by_its_chain_of_controllers() -> None:
    changes = [
        (names.PODS, owned("pod", "rs")),
        (names.PODS, owned("labels-only")),
        (FAILED_PODS, owned("failed", "rs", status={"phase": "Failed", "reason": "Evicted"})),
        (names.REPLICA_SETS, owned("rs", "workload")),
        (names.DEPLOYMENTS, owned("workload", "chat")),
        (names.MODEL_DEPLOYMENTS, chat(2) | {"metadata": chat(2)["metadata"] | {"uid": "uid-chat"}}),
    ]

    class Client(ScriptedClient):
        async def pages(self, kind: Kind, **selectors: str) -> AsyncIterator[ListPage]:
            asked = FAILED_PODS if selectors["fields"] == "status.phase=Failed" else kind
            yield ListPage([item for listed, item in changes if listed == asked], "1")

    state = Informers(Client(names.NODES), builtin(), lambda **_: None)  # type: ignore[arg-type]
    task = asyncio.create_task(state.run())
    await state.synced()
    pods = state.owned_pods()
    assert {pod.key.name: pod.workload for pod in pods} == {"pod": "workload", "labels-only": "", "failed": "workload"}
    assert state.owned_pods() is pods
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
