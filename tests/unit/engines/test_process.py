"""The whole process against an API server that is made of a few handlers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web

from engines.cluster.apiserver import readiness_patch
from engines.cluster.kubeconfig import Access
from engines.cluster.pods import pod_view
from engines.process import Options, run_engines
from engines.profiles import ProfileFile

PROFILES = ProfileFile.model_validate({"defaults": {"start_seconds": 0.5}})


class FakeApiServer:
    """Pods, a watch, and the status subresource."""

    def __init__(self) -> None:
        self.pods: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.patches: list[tuple[str, dict[str, Any]]] = []
        self.lists = 0
        self.expire_at: int | None = None
        self.fail_lists = 0
        self.changed = asyncio.Condition()

    async def put(self, pod: dict[str, Any], kind: str = "ADDED") -> None:
        async with self.changed:
            pod["metadata"]["resourceVersion"] = str(len(self.events) + 1)
            name = pod["metadata"]["name"]
            self.pods[name] = pod
            if kind == "DELETED":
                del self.pods[name]
            self.events.append({"type": kind, "object": json.loads(json.dumps(pod))})
            self.changed.notify_all()

    async def handle_pods(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"] == "Bearer secret"
        assert request.query["labelSelector"] == "modelmatrix.io/deployment"
        if "watch" in request.query:
            return await self.watch(request, int(request.query["resourceVersion"]))
        self.lists += 1
        if self.lists <= self.fail_lists:
            raise web.HTTPServiceUnavailable
        version = str(len(self.events))
        return web.json_response({"metadata": {"resourceVersion": version}, "items": list(self.pods.values())})

    def has_more_than(self, version: int) -> bool:
        return len(self.events) > version

    async def watch(self, request: web.Request, version: int) -> web.StreamResponse:
        if self.expire_at is not None and version <= self.expire_at:
            raise web.HTTPGone
        response = web.StreamResponse()
        await response.prepare(request)
        bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(version)}}}
        await response.write(json.dumps(bookmark).encode() + b"\n")
        while True:
            async with self.changed:
                await self.changed.wait_for(partial(self.has_more_than, version))
            for event in self.events[version:]:
                # In two pieces: a chunk is no line.
                text = json.dumps(event).encode() + b"\n"
                await response.write(text[:40])
                await response.write(text[40:])
            version = len(self.events)

    async def handle_patch(self, request: web.Request) -> web.Response:
        name, body = request.match_info["name"], await request.json()
        self.patches.append((name, body))
        pod = self.pods.get(name)
        if pod is None:
            raise web.HTTPNotFound
        if body["metadata"]["uid"] != pod["metadata"]["uid"]:
            raise web.HTTPConflict
        merged = {one["type"]: one for one in pod["status"]["conditions"]}
        for condition in body["status"]["conditions"]:
            merged[condition["type"]] = merged.get(condition["type"], {}) | condition
        pod["status"]["conditions"] = list(merged.values())
        pod["status"]["containerStatuses"] = body["status"]["containerStatuses"]
        await self.put(pod, "MODIFIED")
        return web.json_response(pod)


@pytest.fixture
async def apiserver() -> AsyncIterator[tuple[FakeApiServer, str]]:
    fake = FakeApiServer()
    application = web.Application()
    application.router.add_get("/api/v1/pods", fake.handle_pods)
    application.router.add_patch("/api/v1/namespaces/bank/pods/{name}/status", fake.handle_patch)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield fake, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Played:
    """A running process and a way to ask it."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url, self.session = url, session

    async def get(self, path: str) -> tuple[int, str]:
        async with self.session.get(self.url + path) as response:
            return response.status, await response.text()

    async def until(self, path: str, condition: Any) -> str:
        """Ask until the answer is as it should be; a test that waits in vain fails by its timeout."""
        while True:
            status, text = await self.get(path)
            if condition(status, text):
                return text
            await asyncio.sleep(0.02)


@pytest.fixture
async def played(apiserver: tuple[FakeApiServer, str], tmp_path: Path) -> AsyncIterator[Played]:
    access = Access(apiserver[1], "secret", ssl.create_default_context())
    port = free_port()
    options = Options(
        access=access, port=port, profile_of=PROFILES.profile_of, time_scale=15.0, schedule=tmp_path / "schedule.yaml"
    )
    task = asyncio.create_task(run_engines(options))
    async with aiohttp.ClientSession() as session:
        one = Played(f"http://127.0.0.1:{port}", session)
        await asyncio.sleep(0.05)
        yield one
    if not task.done():
        os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(task, 10)


def schedule(path: Path, **content: Any) -> None:
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


async def test_a_pod_becomes_ready_and_serves(
    apiserver: tuple[FakeApiServer, str], played: Played, tmp_path: Path, make_pod: Any
) -> None:
    async with asyncio.timeout(20):
        await played.until("/healthz", lambda status, _: status == 200)
        schedule(tmp_path / "schedule.yaml", deployments={"bank/chat": {"rate_per_second": 20}})
        await apiserver[0].put(make_pod())
        metrics = "/namespaces/bank/pods/chat-1/metrics"
        page = await played.until(metrics, lambda status, text: status == 200 and 'finished_reason="stop"' in text)
        assert page.startswith("# HELP python_gc_objects_collected_total")
        done = 'vllm:request_success_total{engine="0",finished_reason="stop",model_name="chat"} 0.0'
        await played.until(metrics, lambda _, text: done not in text)
        state = json.loads((await played.get("/state"))[1])
        assert state["timeScale"] == 15.0
        assert state["deployments"]["bank/chat"]["ready"] == 1
        status = apiserver[0].pods["chat-1"]["status"]
        assert status["containerStatuses"][0] == {
            "name": "engine",
            "image": "vllm",
            "ready": True,
            "started": True,
            "state": {"running": {}},
        }
        assert 'gateway_requests_total{namespace="bank",deployment="chat"}' in (await played.get("/metrics"))[1]


async def test_pages_that_are_not_there(
    apiserver: tuple[FakeApiServer, str], played: Played, tmp_path: Path, make_pod: Any
) -> None:
    async with asyncio.timeout(20):
        schedule(tmp_path / "schedule.yaml", faults=[{"pod": "bank/chat-1", "readiness": "never"}])
        await played.until("/healthz", lambda status, _: status == 200)
        await asyncio.sleep(1.2)
        assert (await played.get("/namespaces/bank/pods/chat-1/metrics"))[0] == 404
        await apiserver[0].put(make_pod())
        await played.until("/namespaces/bank/pods/chat-1/metrics", lambda status, _: status == 503)
        assert apiserver[0].patches == []


async def answers_for_ever(played: Played, path: str) -> bool:
    """Whether it still answers when the schedule has surely been read; False as soon as one answer does not come."""
    for _ in range(100):
        try:
            async with asyncio.timeout(1.0):
                await played.get(path)
        except TimeoutError:
            return False
        await asyncio.sleep(0.05)
    return True


async def test_metrics_faults(apiserver: tuple[FakeApiServer, str], played: Played, tmp_path: Path, make_pod: Any) -> None:
    metrics = "/namespaces/bank/pods/chat-1/metrics"
    async with asyncio.timeout(20):
        await apiserver[0].put(make_pod(ready=True))
        await played.until(metrics, lambda status, _: status == 200)
        schedule(tmp_path / "schedule.yaml", faults=[{"deployment": "bank/chat", "metrics": "error"}])
        await played.until(metrics, lambda status, _: status == 500)
        schedule(tmp_path / "schedule.yaml", faults=[{"deployment": "bank/chat", "metrics": "hang"}], deployments={})
        assert not await answers_for_ever(played, metrics)


async def test_the_watch_survives_what_happens_to_watches(
    apiserver: tuple[FakeApiServer, str], played: Played, make_pod: Any
) -> None:
    fake = apiserver[0]
    async with asyncio.timeout(20):
        await fake.put(make_pod("chat-1", ready=True))
        await played.until("/state", lambda _, text: '"engines": 1' in text)
        async with fake.changed:
            del fake.pods["chat-1"]
            fake.events.append({"type": "ERROR", "object": {"code": 410, "message": "too old"}})
            fake.changed.notify_all()
        await played.until("/state", lambda _, text: '"engines": 0' in text)
        assert fake.lists >= 2
        await fake.put(make_pod("chat-2", ready=True))
        await played.until("/state", lambda _, text: '"engines": 1' in text)
        await fake.put(make_pod("chat-2"), "DELETED")
        await played.until("/state", lambda _, text: '"engines": 0' in text)


async def test_a_place_in_history_that_is_gone_is_no_failure(
    apiserver: tuple[FakeApiServer, str], played: Played, make_pod: Any, caplog: pytest.LogCaptureFixture
) -> None:
    fake = apiserver[0]
    async with asyncio.timeout(20):
        await played.until("/healthz", lambda status, _: status == 200)
        fake.expire_at = len(fake.events) + 1
        await fake.put({"metadata": {"name": "x"}}, "ERROR")
        fake.pods.clear()
        while fake.lists < 3:  # noqa: ASYNC110 - the fake has nothing to wait on
            await asyncio.sleep(0.01)
        fake.expire_at = None
        await fake.put(make_pod(ready=True))
        await played.until("/state", lambda _, text: '"engines": 1' in text)
    assert "cannot watch" not in caplog.text


async def test_an_api_server_that_is_down_at_first(
    apiserver: tuple[FakeApiServer, str], played: Played, make_pod: Any, caplog: pytest.LogCaptureFixture
) -> None:
    fake = apiserver[0]
    async with asyncio.timeout(20):
        await played.until("/healthz", lambda status, _: status == 200)
        fake.fail_lists, fake.expire_at = fake.lists + 2, len(fake.events)
        async with fake.changed:
            fake.events.append({"type": "ERROR", "object": {"code": 410}})
            fake.changed.notify_all()
        fake.expire_at = None
        await fake.put(make_pod(ready=True))
        await played.until("/state", lambda _, text: '"engines": 1' in text)
        assert "cannot watch pods" in caplog.text


async def test_a_pod_that_is_gone_is_no_error(apiserver: tuple[FakeApiServer, str], played: Played, make_pod: Any) -> None:
    fake = apiserver[0]
    async with asyncio.timeout(20):
        await played.until("/healthz", lambda status, _: status == 200)
        await fake.put(make_pod())
        fake.pods.clear()
        while not fake.patches:  # noqa: ASYNC110 - the fake has nothing to wait on
            await asyncio.sleep(0.02)
        assert (await played.get("/healthz"))[0] == 200


def test_a_readiness_patch_names_the_pod_and_keeps_what_it_does_not_change(make_pod: Any) -> None:
    patch = readiness_patch(pod_view(make_pod()), is_ready=False)
    assert patch["metadata"] == {"uid": "uid-chat-1"}
    ready = patch["status"]["conditions"][0]
    assert (ready["type"], ready["status"], ready["reason"]) == ("Ready", "False", "ContainersNotReady")
    assert ready["message"] == "containers with unready status: [engine]"
    assert patch["status"]["containerStatuses"][0]["image"] == "vllm"
    assert readiness_patch(pod_view(make_pod()), is_ready=True)["status"]["conditions"][0]["reason"] is None
