from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from modelmatrix.signals.vectors import PrometheusError, parse_matrix, parse_vector


def body(result: Any, **fields: Any) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}} | fields).encode()


def item(value: Any, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [1790000000.123, value]}


def test_a_vector() -> None:
    assert parse_vector(200, body([item("1.5", a="b"), item("0")])).samples == (({"a": "b"}, 1.5), ({}, 0.0))
    assert parse_vector(200, body([])).samples == ()


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "Infinity", "nan"])
def test_what_is_no_number_is_left_out_and_never_zero(value: str) -> None:
    assert parse_vector(200, body([item(value, a="b"), item("2")])).samples == (({}, 2.0),)


def test_warnings_are_kept() -> None:
    assert parse_vector(200, body([], warnings=["a store is away"])).warnings == ("a store is away",)


@pytest.mark.parametrize(
    ("code", "content", "words"),
    [
        (200, b"<html>log in</html>", "not JSON"),
        (200, b"", "not JSON"),
        (200, b"\xff\xfe", "not JSON"),
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
        (200, b"[" * 100_000, "not JSON"),
    ],
)
def test_everything_else_is_no_answer(code: int, content: bytes, words: str) -> None:
    with pytest.raises(PrometheusError, match=words):
        parse_vector(code, content)


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
        vector = parse_vector(code, content)
    except PrometheusError:
        return
    assert code == 200
    assert all(math.isfinite(value) for _, value in vector.samples)
    assert all(isinstance(text, str) for labels, _ in vector.samples for pair in labels.items() for text in pair)


def matrix(*series: Any, **fields: Any) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": series}} | fields).encode()


def test_a_matrix_leaves_out_what_is_no_number() -> None:
    (found,) = parse_matrix(
        200, matrix({"metric": {"a": "b"}, "values": [[10, "1.5"], [20, "NaN"], [30.5, "+Inf"], [40, "2"]]})
    )
    assert found.labels == {"a": "b"}
    assert found.points == ((10.0, 1.5), (40.0, 2.0))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (body([]), "a matrix was expected"),
        (matrix({"metric": {}}), "unknown form"),
        (matrix({"metric": {}, "values": [[1]]}), "unknown form"),
        (matrix({"metric": {}, "values": 5}), "unknown form"),
        (matrix({"metric": {"a": 1}, "values": []}), "unknown form"),
        (matrix(warnings=["a store is away"]), "a part only"),
        (b"<html>", "not JSON"),
    ],
)
def test_a_past_that_is_none(content: bytes, words: str) -> None:
    with pytest.raises(PrometheusError, match=words):
        parse_matrix(200, content)
