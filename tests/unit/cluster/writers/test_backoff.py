from __future__ import annotations

import pytest

from fakes.waiting import FakeClock
from modelmatrix.cluster.writers.backoff import MAX_SECONDS, RETAIN_SECONDS, Backoff
from modelmatrix.planning.snapshot.views import NamespacedName

W = ("deployments", NamespacedName("bank", "w"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(0.0)


@pytest.fixture
def pauses(clock: FakeClock) -> Backoff:
    return Backoff(clock, 5.0)


def test_a_pause_grows_as_long_as_the_same_is_tried(clock: FakeClock, pauses: Backoff) -> None:
    found = []
    for _ in range(8):
        began = clock()
        clock.seconds = pauses.start(W, "a")
        found.append(clock() - began)
    assert found == [5, 10, 20, 40, 80, 160, MAX_SECONDS, MAX_SECONDS]
    assert pauses.attempts(W, "a") == 8


def test_something_else_is_due_at_once_and_begins_anew(clock: FakeClock, pauses: Backoff) -> None:
    for _ in range(4):
        pauses.start(W, "a")
    assert not pauses.is_due(W, "a")
    assert pauses.is_due(W, "b")
    assert pauses.start(W, "b") == clock() + 5.0
    assert (pauses.attempts(W, "a"), pauses.attempts(W, "b")) == (0, 1)


def test_what_is_not_tried_again_is_forgotten(clock: FakeClock, pauses: Backoff) -> None:
    for number in range(500):
        pauses.start(("deployments", NamespacedName("bank", str(number))), "a")
        clock.pass_(1)
        pauses.prune()
    assert len(list(pauses)) == 5 + RETAIN_SECONDS - 1
