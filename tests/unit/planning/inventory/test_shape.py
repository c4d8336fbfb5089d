"""The shape of a pool: learned, remembered, and changed only when most of the pool has changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import pool
from modelmatrix.planning.inventory.shape import learned_size, shape_size, shape_status


@pytest.mark.parametrize(
    ("learned", "sizes", "expected"),
    [
        (0, {}, 0),
        (0, {8: 2}, 8),
        (0, {4: 3, 8: 1}, 8),
        (4, {}, 4),
        (4, {4: 3, 8: 1}, 4),
        (4, {4: 1, 8: 1}, 4),
        (4, {4: 1, 8: 2}, 8),
        (8, {4: 3, 8: 1}, 8),
        (8, {4: 3}, 4),
        (1, {1: 1, 8: 3}, 8),
    ],
)
def test_what_is_learned_stays_until_most_of_the_pool_is_another(learned: int, sizes: dict[int, int], expected: int) -> None:
    assert shape_size(learned, sizes) == expected


@given(st.integers(0, 16), st.dictionaries(st.integers(1, 16), st.integers(1, 5)))
def test_what_was_learned_is_learned_again(learned: int, sizes: dict[int, int]) -> None:
    once = shape_size(learned, sizes)
    assert shape_size(once, sizes) == once
    assert once == learned or once in sizes


def test_the_shape_of_another_accelerator_or_resource_is_forgotten() -> None:
    view, other = pool(), pool(accelerator="a3-die-64g")
    assert view.spec is not None
    assert other.spec is not None
    status = {"shape": shape_status(view.spec, 8)}
    assert learned_size(status, view.spec) == 8
    assert learned_size(status, other.spec) == 0
    assert learned_size(status, view.spec.model_copy(update={"resource_name": "nvidia.com/gpu"})) == 0
    assert learned_size({}, view.spec) == 0
    assert shape_status(view.spec, 0) is None
