from __future__ import annotations

from typing import Any

import pytest

from modelmatrix.cluster.writers.drift import first_drift


@pytest.mark.parametrize(
    ("actual", "wished", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, ""),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "a.b"),
        ({"a": {}}, {"a": {"b": 2}}, "a.b"),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 1}, {"b": 3}]}, "a[1].b"),
        ({"a": [1, 2]}, {"a": [1]}, "a"),
        ({"a": 1}, {"a": {"b": 1}}, "a"),
        ({"a": None}, {"a": []}, "a"),
        ({}, {"a": {}}, "a"),
    ],
)
def test_it_names_the_first_field_that_is_not_as_wished(actual: Any, wished: Any, expected: str) -> None:
    assert first_drift(actual, wished) == expected
