"""What a decision says of itself."""

from __future__ import annotations

from typing import Any

import pytest

from modelmatrix.api.reasons import Reason
from modelmatrix.scaling.decide.message import build_decision, without_capacity
from modelmatrix.scaling.decide.proposal import ReplicaProposal
from modelmatrix.scaling.observation.observation import Decision
from modelmatrix.scaling.state.state import ScaleDownState
from observations import observation, variant

FIGURES = {"arrivalsPerSecond": 12.0}


def decision(
    number: int, *, wanted: float, asked: float | None = None, floor: int = 0, wish: dict[str, Any] | None = None, **fields: Any
) -> Decision:
    """A decision for a deployment of four replicas, of which so many are wanted at most lately."""
    seen = observation(1000.0, **{"variants": (variant(4),), "floor": floor, "window": "day"} | fields)
    said = ReplicaProposal(wanted if asked is None else asked, "the figures", values=FIGURES, **wish or {})
    kept = ScaleDownState(recommendations=((880.0 if asked is not None else 1000.0, wanted),))
    return build_decision(seen, said, kept, {"a": number}, longest_start_seconds=180.0)


@pytest.mark.parametrize(
    ("number", "reason", "message"),
    [
        (6, Reason.LOAD_RISING, "4 -> 6: the figures"),
        (3, Reason.LOAD_FALLING, "4 -> 3: the figures"),
        (4, Reason.STEADY, "4: the figures"),
    ],
)
def test_a_change_says_from_what_to_what(number: int, reason: Reason, message: str) -> None:
    said = decision(number, wanted=float(number))
    assert (said.reason, said.message, said.replicas) == (reason, message, number)
    assert (said.values, said.by_pool) == (FIGURES, {"a": number})


def test_what_is_kept_says_since_when() -> None:
    assert decision(4, wanted=3.4, asked=1.2).message == "4: the figures; the load 120 s ago required 4"
    assert decision(4, wanted=3.4, asked=3.1).message == "4: the figures"


def test_what_holds_says_why() -> None:
    said = decision(4, wanted=4.0, asked=0.0, wish={"holds": True, "reason": Reason.SIGNALS_STALE})
    assert (said.reason, said.message) == (Reason.SIGNALS_STALE, "4: the figures")


def test_a_schedule_says_so_as_long_as_it_decides() -> None:
    for number in (4, 6):
        said = decision(number, wanted=2.0, floor=number)
        assert said.reason is Reason.SCHEDULED_FLOOR
        assert f"schedule window day requires {number}; the figures" in said.message
    assert decision(6, wanted=6.0, floor=6).reason is Reason.LOAD_RISING


def test_bounds_say_so_when_they_move_the_number() -> None:
    raised = decision(5, wanted=2.0, min_replicas=5)
    cut = decision(3, wanted=7.2, max_replicas=3)
    assert (raised.reason, raised.message) == (Reason.BOUNDS_CHANGED, "4 -> 5: 2 is below minReplicas 5; the figures")
    assert (cut.reason, cut.message) == (
        Reason.BOUNDS_CHANGED,
        "4 -> 3: 8 exceeds maxReplicas 3; the figures",
    )
    assert decision(4, wanted=2.0, min_replicas=4).reason is Reason.STEADY


def test_at_the_upper_bound_it_is_told_what_is_needed() -> None:
    said = decision(4, wanted=7.2, max_replicas=4)
    assert said.message == "4: 8 exceeds maxReplicas 4; the figures"


def test_without_capacity_bounds_and_floors_still_count() -> None:
    for fields, expected in (({}, 4), ({"max_replicas": 3}, 3), ({"floor": 6}, 6), ({"min_replicas": 5}, 5)):
        said = without_capacity(observation(variants=(variant(4),), **fields))
        assert (said.replicas, said.reason) == (expected, Reason.SLO_INFEASIBLE)
        assert said.message == f"{expected}: no pool can serve a single request of these lengths"
