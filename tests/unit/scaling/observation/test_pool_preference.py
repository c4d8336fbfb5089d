"""The three placement policies: which pool comes first, and which move is worth a start."""

from __future__ import annotations

import pytest

from modelmatrix.api.model_deployment import PlacementPolicy
from modelmatrix.scaling.observation.pool_preference import Move, PoolStanding, preference_of

ORDERED, CHEAPEST, SPREAD = (preference_of(policy) for policy in PlacementPolicy)
FIRST = PoolStanding(position=0, cost=2.0, replicas_on_site=3)
SECOND = PoolStanding(position=1, cost=1.0, replicas_on_site=3)
THIRD = PoolStanding(position=2, cost=2.0, replicas_on_site=1)


def test_every_policy_has_a_preference() -> None:
    assert [preference_of(policy) for policy in PlacementPolicy] == [ORDERED, CHEAPEST, SPREAD]


@pytest.mark.parametrize(
    ("preference", "expected"),
    [
        (ORDERED, [FIRST, SECOND, THIRD]),
        (CHEAPEST, [SECOND, FIRST, THIRD]),
        (SPREAD, [THIRD, FIRST, SECOND]),
    ],
)
def test_the_first_gets_a_replica_and_ties_are_broken_as_listed(preference: object, expected: list[PoolStanding]) -> None:
    assert sorted([THIRD, FIRST, SECOND], key=preference.rank) == expected  # type: ignore[attr-defined]


def test_better_is_listed_earlier_or_much_cheaper_or_emptier() -> None:
    assert ORDERED.is_better(FIRST, SECOND)
    assert not ORDERED.is_better(SECOND, FIRST)
    assert CHEAPEST.is_better(SECOND, FIRST)
    assert not CHEAPEST.is_better(PoolStanding(1, cost=1.8), FIRST), "saves less than 15 %"
    assert SPREAD.is_better(THIRD, FIRST)
    assert not SPREAD.is_better(SECOND, FIRST)


def move(target: PoolStanding, source: PoolStanding, *, starts: int = 1, after: float = 0.0, before: float = 0.0) -> Move:
    return Move(target, source, starts, cost_after=after, cost_before=before)


def test_what_a_move_is_worth() -> None:
    assert ORDERED.is_worth(move(FIRST, SECOND, starts=3, after=9.0, before=1.0)), "the order of the spec decides alone"
    assert CHEAPEST.is_worth(move(SECOND, FIRST, after=8.0, before=10.0))
    assert not CHEAPEST.is_worth(move(SECOND, FIRST, after=9.0, before=10.0))
    assert SPREAD.is_worth(move(THIRD, FIRST))
    assert not SPREAD.is_worth(move(THIRD, FIRST, starts=2))
    assert not SPREAD.is_worth(move(PoolStanding(2, replicas_on_site=2), FIRST)), "the sites would only change places"


def test_what_a_rank_depends_on_is_said() -> None:
    assert (ORDERED.uses_costs, ORDERED.uses_sites) == (False, False)
    assert (CHEAPEST.uses_costs, CHEAPEST.uses_sites) == (True, False)
    assert (SPREAD.uses_costs, SPREAD.uses_sites) == (False, True)
