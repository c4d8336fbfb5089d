from __future__ import annotations

import pytest

from fakes.waiting import FakeClock
from modelmatrix.cluster.pauses import LONGEST_SECONDS, MEMORY_SECONDS, Pauses
from modelmatrix.planning.views import Key

W = ("deployments", Key("bank", "w"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(0.0)


@pytest.fixture
def pauses(clock: FakeClock) -> Pauses:
    return Pauses(clock, 5.0)


def test_a_pause_grows_as_long_as_the_same_is_tried(clock: FakeClock, pauses: Pauses) -> None:
    found = []
    for _ in range(8):
        began = clock()
        clock.seconds = pauses.begin(W, "a")
        found.append(clock() - began)
    assert found == [5, 10, 20, 40, 80, 160, LONGEST_SECONDS, LONGEST_SECONDS]
    assert pauses.times(W, "a") == 8


def test_something_else_is_due_at_once_and_begins_anew(clock: FakeClock, pauses: Pauses) -> None:
    for _ in range(4):
        pauses.begin(W, "a")
    assert not pauses.is_over(W, "a")
    assert pauses.is_over(W, "b")
    assert pauses.begin(W, "b") == clock() + 5.0
    assert (pauses.times(W, "a"), pauses.times(W, "b")) == (0, 1)


def test_what_is_not_tried_again_is_forgotten(clock: FakeClock, pauses: Pauses) -> None:
    for number in range(500):
        pauses.begin(("deployments", Key("bank", str(number))), "a")
        clock.pass_(1)
        pauses.forget_old()
    assert len(pauses.names()) == 5 + MEMORY_SECONDS - 1
