"""Configuration files of engines: numbers and truth values are written as such, names as they are."""

from __future__ import annotations

from typing import Any

import pytest

from modelmatrix.planning.rendering.template_variables import substitute_tree

VALUES = {
    "tensor": "8",
    "multi_node": "false",
    "device_ids": "[0, 1]",
    "role": "leader",
    "served_name": "405",
    "model": "123",
}


@pytest.mark.parametrize(
    ("content", "filled"),
    [
        ("{tensor}", 8),
        ("{multi_node}", False),
        (["{device_ids}"], [[0, 1]]),
        ({"deep": {"role": "{role}"}}, {"deep": {"role": "leader"}}),
        ("{served_name}", "405"),
        ("{model}", "123"),
        ({"Version": "1.0.0", "npuMemSize": -1, "https": False}, {"Version": "1.0.0", "npuMemSize": -1, "https": False}),
    ],
)
def test_values_keep_their_type(content: Any, filled: Any) -> None:
    found = substitute_tree(content, VALUES)
    assert found == filled
    assert type(found) is type(filled)
