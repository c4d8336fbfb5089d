"""Selectors choose namespaces as the API server's label selectors do."""

from __future__ import annotations

from typing import Any

import pytest

from factories import namespace, policy
from modelmatrix.api.tenant_policy import NamespaceSelector
from modelmatrix.planning.tenancy.selector import labels_of, policies_of, selects

LABELS = {"unit": "trading", "kubernetes.io/metadata.name": "desk"}


def requirement(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({}, True),
        ({"matchLabels": {"unit": "trading"}}, True),
        ({"matchLabels": {"unit": "retail"}}, False),
        ({"matchLabels": {"unit": "trading", "site": "a"}}, False),
        ({"matchLabels": {"kubernetes.io/metadata.name": "desk"}}, True),
        (requirement("unit", "In", "retail", "trading"), True),
        (requirement("unit", "In", "retail"), False),
        (requirement("site", "In", "a"), False),
        (requirement("unit", "NotIn", "trading"), False),
        (requirement("site", "NotIn", "a"), True),
        (requirement("unit", "Exists"), True),
        (requirement("site", "Exists"), False),
        (requirement("unit", "DoesNotExist"), False),
        (requirement("site", "DoesNotExist"), True),
        ({"matchLabels": {"unit": "trading"}} | requirement("site", "Exists"), False),
    ],
)
def test_a_namespace_meets_every_line(selector: dict[str, Any], selected: bool) -> None:  # noqa: FBT001 - a table
    assert selects(NamespaceSelector.model_validate(selector), LABELS) is selected


def test_of_a_namespace_that_was_not_read_the_name_is_known() -> None:
    assert labels_of("desk", {}) == {"kubernetes.io/metadata.name": "desk"}
    assert labels_of("desk", {"desk": namespace("desk", unit="trading")}) == LABELS


def test_policies_come_by_name_and_one_that_cannot_be_read_selects_nothing() -> None:
    views = (policy(name="b"), policy(name="a"), policy(name="c", spec=None), policy(name="d", namespaces=["other"]))
    assert [view.name for view in policies_of(LABELS, views)] == ["a", "b"]
