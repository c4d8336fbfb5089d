"""The variables that engine data may use are those that the renderer gives a text to."""

from __future__ import annotations

import pytest

from modelmatrix.catalogue.loader import builtin
from modelmatrix.catalogue.template_variables import VARIABLES
from modelmatrix.planning.rendering import pod, template_variables
from rendered import CASES, workload


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
