from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes import prometheus as fake
from fakes.prometheus import FakePrometheus
from modelmatrix.signals.vectors import PrometheusError
from modelmatrix.telemetry import prometheus_client as prometheus_module
from modelmatrix.telemetry.prometheus_client import Prometheus, PrometheusAuth


@pytest.fixture
async def server() -> AsyncIterator[FakePrometheus]:
    async with fake.running() as started:
        yield started


@pytest.fixture
async def prometheus(server: FakePrometheus) -> AsyncIterator[Prometheus]:
    async with Prometheus(f"{server.url}/", 0.5) as client:
        yield client


async def test_a_query(server: FakePrometheus, prometheus: Prometheus) -> None:
    expression = 'up{a=~"b|c"} + 1 # 长'
    server.answer = lambda _: fake.success([fake.sample({"x": "y"}, 2)])
    assert (await prometheus.query(expression)).samples == (({"x": "y"}, 2.0),)
    assert server.queries == [expression]


async def test_a_long_query_is_no_trouble(server: FakePrometheus, prometheus: Prometheus) -> None:
    """In a URL it would be cut by the first proxy."""
    expression = " or ".join(["up"] * 30_000)
    await prometheus.query(expression)
    assert server.queries == [expression]


@pytest.mark.parametrize(
    "answer",
    [
        fake.text(200, "<html>log in</html>"),
        fake.text(302, ""),
        fake.text(500, "oops"),
        fake.error(),
        fake.text(200, '{"status":"success","data":{"resu'),
    ],
)
async def test_a_bad_answer(server: FakePrometheus, prometheus: Prometheus, answer: fake.Answer) -> None:
    server.answer = answer
    with pytest.raises(PrometheusError):
        await prometheus.query("up")


async def test_redirects_are_not_followed(server: FakePrometheus, prometheus: Prometheus) -> None:
    def redirect(_: str) -> Any:
        response = fake.success([])
        response.set_status(307)
        response.headers["Location"] = f"{server.url}/api/v1/query"
        return response

    server.answer = redirect
    with pytest.raises(PrometheusError, match="307"):
        await prometheus.query("up")
    assert len(server.queries) == 1


async def test_no_answer_in_time(server: FakePrometheus) -> None:
    server.hangs = True
    async with Prometheus(server.url, 0.05) as client:
        with pytest.raises(PrometheusError, match=r"does not answer within 0\.05 s"):
            await client.query("up")


async def test_a_refused_connection(server: FakePrometheus, prometheus: Prometheus) -> None:
    await server.stop()
    with pytest.raises(PrometheusError, match=f"Prometheus at {server.url} does not answer"):
        await prometheus.query("up")


async def test_an_answer_that_is_too_large(
    server: FakePrometheus, prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prometheus_module, "MAX_INSTANT_RESPONSE_BYTES", 2**20)
    server.answer = fake.text(200, "x" * (2**20 + 1))
    with pytest.raises(PrometheusError, match="larger than 1 MiB"):
        await prometheus.query("up")


@pytest.mark.parametrize("url", ["http://a..b", "http://" + "a" * 70, "http://[::1", "nonsense", "http://\x00"])
async def test_an_address_that_cannot_be_used(url: str) -> None:
    async with Prometheus(url, 0.5) as client:
        with pytest.raises(PrometheusError):
            await client.query("up")


async def test_an_answer_that_ends_in_the_middle() -> None:
    class Broken(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b'{"status":'
            raise httpx.ReadError("")

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Broken()))
    async with Prometheus("http://p", 1, transport) as client:
        with pytest.raises(PrometheusError, match="ReadError"):
            await client.query("up")


async def test_an_answer_that_drips_ends_in_time() -> None:
    class Dripping(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b" "
                await asyncio.sleep(0.01)

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Dripping()))
    async with Prometheus("http://p", 0.1, transport) as client:
        with pytest.raises(PrometheusError, match="does not answer within"):
            await client.query("up")


async def test_prometheus_is_told_how_long_it_may_take() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.content.decode())
        return httpx.Response(200, json={"status": "success", "data": {"resultType": "vector", "result": []}})

    async with Prometheus("http://p", 7, httpx.MockTransport(answer)) as client:
        await client.query("up")
    assert seen == ["query=up&timeout=7s"]


async def test_the_past(server: FakePrometheus, prometheus: Prometheus) -> None:
    server.past = lambda _: fake.success([{"metric": {"a": "b"}, "values": [[100, "1"]]}], kind="matrix")
    (series,) = await prometheus.query_range("up", start=100, end=400, step_seconds=20)
    assert series.points == ((100.0, 1.0),)
    assert server.ranges[0] | {"timeout": ""} == {
        "query": "up",
        "start": "100.000",
        "end": "400.000",
        "step": "20.000",
        "timeout": "",
    }


async def test_a_past_that_is_too_large(
    server: FakePrometheus, prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prometheus_module, "MAX_RANGE_RESPONSE_BYTES", 2**20)
    server.past = fake.text(200, json.dumps("x" * 2**20))
    with pytest.raises(PrometheusError, match="larger than 1 MiB"):
        await prometheus.query_range("up", start=0, end=1, step_seconds=1)


class Asked(httpx.AsyncBaseTransport):
    """Remembers how a request identified itself, and answers as told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.authorizations: list[str | None] = []
        self.error = error

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.authorizations.append(request.headers.get("authorization"))
        if self.error is not None:
            raise self.error
        return httpx.Response(200, json={"status": "success", "data": {"resultType": "vector", "result": []}})


async def test_a_password_in_the_url_is_used_and_never_told() -> None:
    asked = Asked(httpx.ConnectError("refused"))
    async with Prometheus("https://ops:S3cret@prometheus:9090/base", 1, asked) as client:
        with pytest.raises(PrometheusError) as caught:
            await client.query("up")
    assert "https://prometheus:9090/base" in str(caught.value)
    assert "S3cret" not in str(caught.value)
    assert asked.authorizations == ["Basic b3BzOlMzY3JldA=="]


async def test_a_token_is_read_again_when_it_changes(tmp_path: Path) -> None:
    asked, token = Asked(), tmp_path / "token"
    async with Prometheus("https://ops:S3cret@prometheus", 1, asked, auth=PrometheusAuth(token_file=str(token))) as client:
        for content in ("one\n", "two\n"):
            token.write_text(content, encoding="utf-8")
            await client.query("up")
        token.unlink()
        with pytest.raises(PrometheusError, match=f"token for Prometheus cannot be read.*{token}"):
            await client.query("up")
    assert asked.authorizations == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_used_are_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.crt"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(OSError, match=f"certificates in {file}"):
        Prometheus("https://prometheus", 1, auth=PrometheusAuth(ca_file=str(file)))
