"""Variables of engine data: the renderer gives a text to each, and configuration files keep the types of values."""

from __future__ import annotations

from typing import Any

import pytest

from modelmatrix.catalogue.loader import builtin
from modelmatrix.catalogue.template_variables import VARIABLES
from modelmatrix.planning.rendering import pod, template_variables
from modelmatrix.planning.rendering.template_variables import substitute_tree
from rendered import CASES, workload

VALUES = {
    "tensor": "8",
    "multi_node": "false",
    "device_ids": "[0, 1]",
    "role": "leader",
    "served_name": "405",
    "model": "123",
}


def test_every_variable_of_the_catalogue_has_a_text_and_one_of_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, str]] = []

    def recorded(*args: object, **kwargs: object) -> dict[str, str]:
        given.append(template_variables.variables(*args, **kwargs))  # type: ignore[arg-type]
        return given[-1]

    monkeypatch.setattr(pod, "variables", recorded)
    for case in CASES:
        workload(case)
    assert {frozenset(values) for values in given} == {frozenset(VARIABLES)}
    for values in given:
        assert all(not VARIABLES[name] or text in VARIABLES[name] for name, text in values.items())
    assert {values["vendor"] for values in given} == set(builtin().vendors)


@pytest.mark.parametrize(
    ("content", "expected"),
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
def test_values_in_configuration_files_keep_their_type(content: Any, expected: Any) -> None:
    result = substitute_tree(content, VALUES)
    assert result == expected
    assert type(result) is type(expected)
