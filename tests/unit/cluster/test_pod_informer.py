"""Pods without devices: the sums of their nodes follow every event, no event of theirs calls anybody, a relist heals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.apiserver import FakeApiServer
from fakes.waiting import until
from modelmatrix.api import names
from modelmatrix.cluster import informer as informer_module
from modelmatrix.cluster.client import ApiClient
from modelmatrix.cluster.pod_informer import OtherPods, PodInformer
from modelmatrix.cluster.views.resources import OtherPod, background_of
from modelmatrix.planning.snapshot.views import Compute, NamespacedName

A, B, C = NamespacedName("web", "a"), NamespacedName("web", "b"), NamespacedName("bank", "c")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(informer_module, "INITIAL_BACKOFF_SECONDS", 0.001)
    monkeypatch.setattr(informer_module, "MAX_BACKOFF_SECONDS", 0.01)


@asynccontextmanager
async def running(informer: PodInformer) -> AsyncIterator[None]:
    task = asyncio.create_task(informer.run())
    try:
        await informer.synced.wait()
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])


def put(api: FakeApiServer, key: NamespacedName, node: str, **requests: str) -> None:
    named = {name if name != "gpu" else "nvidia.com/gpu": value for name, value in requests.items()}
    container: dict[str, Any] = {"name": "main", "resources": {"requests": named, "limits": named}}
    api.put(names.PODS, key, spec={"nodeName": node, "containers": [container]})


async def test_pods_without_devices_are_sums_that_call_nobody(api: FakeApiServer, client: ApiClient) -> None:
    changed: list[NamespacedName] = []
    pods = PodInformer(client, lambda _, key: changed.append(key))
    put(api, A, "n0", cpu="1")
    async with running(pods):
        assert pods.background == {"n0": Compute(1000, 0, 0, 1)}
        put(api, B, "n0", cpu="500m", memory="1Ki")
        await until(lambda: pods.background == {"n0": Compute(1500, 1024, 0, 2)})
        api.store.delete("pods", A)
        await until(lambda: pods.background == {"n0": Compute(500, 1024, 0, 1)})
        put(api, C, "n1", gpu="1", cpu="4")
        await until(lambda: pods.get(C) is not None)
        api.store.delete("pods", B)
        await until(lambda: pods.background == {})
        (view,) = pods.views
        assert (view.key, view.requests) == (C, Compute(4000, 0, 0, 1))
    assert changed == [C]


keys = st.sampled_from([A, B, C])
others = st.builds(
    OtherPod, st.sampled_from(["n0", "n1"]), st.builds(Compute, st.integers(0, 9), st.integers(0, 9), st.just(0), st.just(1))
)


@given(st.dictionaries(keys, others), st.lists(st.tuples(keys, st.none() | others), max_size=20))
def test_after_any_events_the_sums_are_those_of_the_pods_that_are_left(
    listed: dict[NamespacedName, OtherPod], events: list[tuple[NamespacedName, OtherPod | None]]
) -> None:
    pods, left = OtherPods(), dict(listed)
    pods.set(C, OtherPod("gone", Compute(pods=1)))
    pods.replace(dict(listed))
    for key, view in events:
        pods.set(key, view)
        left.pop(key, None)
        left |= {key: view} if view is not None else {}
    assert pods.sums == background_of(left.values())
