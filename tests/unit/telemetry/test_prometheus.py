from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fakes import prometheus as fake
from fakes.prometheus import FakePrometheus
from modelmatrix.telemetry import prometheus as prometheus_module
from modelmatrix.telemetry.prometheus import Prometheus, PrometheusError, Sample, parse


def body(result: Any, **fields: Any) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}} | fields).encode()


def item(value: Any, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [1790000000.123, value]}


def test_a_vector() -> None:
    assert parse(200, body([item("1.5", a="b"), item("0")])).samples == (Sample({"a": "b"}, 1.5), Sample({}, 0.0))
    assert parse(200, body([])).samples == ()


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "Infinity", "nan"])
def test_what_is_no_number_is_left_out_and_never_zero(value: str) -> None:
    assert parse(200, body([item(value, a="b"), item("2")])).samples == (Sample({}, 2.0),)


def test_warnings_are_kept() -> None:
    assert parse(200, body([], warnings=["a store is away"])).warnings == ("a store is away",)


@pytest.mark.parametrize(
    ("code", "content", "words"),
    [
        (200, b"<html>log in</html>", "no JSON"),
        (200, b"", "no JSON"),
        (200, b"\xff\xfe", "no JSON"),
        (200, b'{"status": "error", "error": "many-to-many matching not allowed"}', "many-to-many"),
        (422, b'{"status": "error", "error": "query timed out"}', "query timed out"),
        (500, b'{"status": "success", "data": {"result": []}}', "500"),
        (503, b"Service Unavailable", "503"),
        (200, b"[]", "no success"),
        (200, b"null", "no success"),
        (200, b'{"status": "success"}', "unknown form"),
        (200, b'{"status": "success", "data": {"resultType": "vector", "result": 5}}', "unknown form"),
        (200, b'{"status": "success", "data": {"resultType": "scalar", "result": [1, "2"]}}', "unknown form"),
        (200, b'{"status": "success", "data": {"resultType": "string", "result": [1, "2"]}}', "unknown form"),
        (200, b'{"status": "success", "data": {"resultType": "matrix", "result": []}}', "unknown form"),
        (200, b'{"status": "success", "data": {"resultType": "vector", "result": {}}}', "unknown form"),
        (200, b'{"status": "success", "data": {"resultType": "vector", "result": "abc"}}', "unknown form"),
        (200, body([{"metric": {}, "values": [[1, "2"]]}]), "unknown form"),
        (200, body([{"metric": {}, "histogram": [1, {}]}]), "unknown form"),
        (200, body([{"metric": 5, "value": [1, "2"]}]), "unknown form"),
        (200, body([{"metric": {"a": 5}, "value": [1, "2"]}]), "unknown form"),
        (200, body([{"value": [1, "2"]}]), "unknown form"),
        (200, body([item("many")]), "unknown form"),
        (200, body([item(None)]), "unknown form"),
        (200, body([item([])]), "unknown form"),
        (200, body([], warnings=5), "unknown form"),
        (200, body([item(10**400)]), "unknown form"),
        (200, b"[" * 100_000, "no JSON"),
    ],
)
def test_everything_else_is_no_answer(code: int, content: bytes, words: str) -> None:
    with pytest.raises(PrometheusError, match=words):
        parse(code, content)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["NaN", "1", "+Inf"])
WORDS = st.sampled_from(["status", "success", "error", "data", "result", "resultType", "vector", "metric", "value", "warnings"])
junk = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=20
)


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


answers = st.builds(
    lambda result, rest: {"status": "success", "data": {"resultType": "vector", "result": result}} | rest,
    st.lists(st.builds(lambda metric, value: {"metric": metric, "value": value}, junk, junk) | junk, max_size=3) | junk,
    st.dictionaries(WORDS, junk, max_size=1),
)


@settings(max_examples=300)
@given(code=st.sampled_from([200, 204, 302, 500]), content=st.binary(max_size=50) | (junk | answers).map(encoded))
@example(code=200, content=body([item("1")], warnings=[None]))
def test_junk_is_an_answer_or_no_answer_and_never_another_error(code: int, content: bytes) -> None:
    try:
        vector = parse(code, content)
    except PrometheusError:
        return
    assert code == 200
    assert all(math.isfinite(sample.value) for sample in vector.samples)
    assert all(isinstance(text, str) for sample in vector.samples for pair in sample.labels.items() for text in pair)


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
    assert (await prometheus.query(expression)).samples == (Sample({"x": "y"}, 2.0),)
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
        with pytest.raises(PrometheusError, match="does not answer: ReadTimeout"):
            await client.query("up")


async def test_a_refused_connection(server: FakePrometheus, prometheus: Prometheus) -> None:
    await server.stop()
    with pytest.raises(PrometheusError, match=f"Prometheus at {server.url} does not answer"):
        await prometheus.query("up")


async def test_an_answer_that_is_too_large(
    server: FakePrometheus, prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prometheus_module, "MAX_ANSWER_BYTES", 2**20)
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
