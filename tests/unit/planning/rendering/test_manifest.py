from __future__ import annotations

from typing import Any

import pytest

from modelmatrix.planning.rendering.manifest import first_drift


@pytest.mark.parametrize(
    ("actual", "desired", "expected"),
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
def test_the_first_field_with_another_value_is_named(actual: Any, desired: Any, expected: str) -> None:
    assert first_drift(actual, desired) == expected
