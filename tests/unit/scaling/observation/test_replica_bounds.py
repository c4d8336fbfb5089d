"""Bounds: what they allow, and how a number outside of them is explained."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.api.reasons import Reason
from modelmatrix.scaling.observation.replica_bounds import ReplicaBounds

BOUNDS = ReplicaBounds(min_replicas=2, max_replicas=6)
OFFICE = ReplicaBounds(min_replicas=2, max_replicas=6, floor=4, window="office")
NIGHT = ReplicaBounds(min_replicas=2, max_replicas=6, floor=2, window="night")
PEAK = ReplicaBounds(min_replicas=2, max_replicas=3, floor=9, window="peak")


@pytest.mark.parametrize(
    ("bounds", "replicas", "expected", "violation"),
    [
        (BOUNDS, 1, 2, (Reason.BOUNDS_CHANGED, "1 is below minReplicas 2")),
        (BOUNDS, 2, 2, None),
        (BOUNDS, 6, 6, None),
        (BOUNDS, 7, 6, (Reason.BOUNDS_CHANGED, "7 exceeds maxReplicas 6")),
        (OFFICE, 1, 4, (Reason.SCHEDULED_FLOOR, "schedule window office requires 4")),
        (OFFICE, 4, 4, None),
        (
            ReplicaBounds(min_replicas=2, max_replicas=6, floor=2, window="night"),
            1,
            2,
            (Reason.BOUNDS_CHANGED, "1 is below minReplicas 2"),
        ),
        (
            ReplicaBounds(min_replicas=2, max_replicas=3, floor=9, window="peak"),
            1,
            3,
            (Reason.SCHEDULED_FLOOR, "schedule window peak requires 9"),
        ),
    ],
)
def test_a_number_is_clamped_and_the_bound_is_named(
    bounds: ReplicaBounds, replicas: int, expected: int, violation: tuple[Reason, str] | None
) -> None:
    assert bounds.clamp(replicas) == expected
    assert bounds.violation(replicas) == violation


@given(st.integers(0, 9), st.integers(1, 9), st.integers(0, 9), st.integers(0, 99))
def test_the_clamped_number_violates_no_bound(least: int, most: int, floor: int, replicas: int) -> None:
    bounds = ReplicaBounds(min_replicas=least, max_replicas=most, floor=floor)
    assert bounds.violation(bounds.clamp(replicas)) is None
    assert (bounds.violation(replicas) is None) == (bounds.clamp(replicas) == replicas)
