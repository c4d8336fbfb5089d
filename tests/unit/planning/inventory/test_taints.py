"""Taints against tolerations: the scheduler's table."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.api.accelerator_pool import Toleration
from modelmatrix.planning.inventory.taints import is_lifecycle, untolerated
from modelmatrix.planning.snapshot.views import Taint

TAINT = Taint("dedicated", "training", "NoSchedule")


@pytest.mark.parametrize(
    ("toleration", "covers"),
    [
        ({"key": "dedicated", "operator": "Exists"}, True),
        ({"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}, True),
        ({"key": "dedicated", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "dedicated", "operator": "Equal", "value": "training"}, True),
        ({"key": "dedicated", "value": "training"}, True),
        ({"key": "dedicated", "value": "serving"}, False),
        ({"key": "dedicated"}, False),
        ({"key": "other", "operator": "Exists"}, False),
        ({"operator": "Exists"}, True),
        ({"operator": "Exists", "effect": "NoExecute"}, False),
        ({}, False),
    ],
)
def test_what_a_toleration_covers(toleration: dict[str, Any], covers: bool) -> None:  # noqa: FBT001 - a table
    assert untolerated([TAINT], [Toleration.model_validate(toleration)]) == ([] if covers else [TAINT])


def test_a_taint_without_a_value_is_covered_by_an_empty_one() -> None:
    bare = Taint("dedicated", "", "NoSchedule")
    assert untolerated([bare], [Toleration(key="dedicated")]) == []


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("node.kubernetes.io/disk-pressure", True),
        ("node.cloudprovider.kubernetes.io/uninitialized", True),
        ("nvidia.com/gpu", False),
    ],
)
def test_taints_of_kubernetes_itself(key: str, expected: bool) -> None:  # noqa: FBT001 - a table
    assert is_lifecycle(Taint(key, "", "NoSchedule")) is expected


tolerations = st.builds(
    Toleration,
    key=st.sampled_from([None, "a", "b"]),
    operator=st.sampled_from([None, "Exists", "Equal"]),
    value=st.sampled_from([None, "x"]),
    effect=st.sampled_from([None, "NoSchedule", "NoExecute"]),
)
taints = st.builds(Taint, st.sampled_from("ab"), st.sampled_from(["", "x"]), st.sampled_from(["NoSchedule", "NoExecute"]))


@given(st.lists(taints), st.lists(tolerations), tolerations)
def test_a_further_toleration_never_uncovers_a_taint(there: list[Taint], some: list[Toleration], more: Toleration) -> None:
    assert set(untolerated(there, [*some, more])) <= set(untolerated(there, some))
