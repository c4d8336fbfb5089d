"""A seeded sample of the exploration; ``make explore`` visits more."""

from __future__ import annotations

import pytest

from exploration.cluster.views import Fleet
from exploration.fleets import FLEETS
from exploration.invariants import ENABLED
from exploration.search import Found, Search

STATES, BUDGET, SEED = 600, 3, 20261128


@pytest.fixture(scope="module", params=FLEETS, ids=lambda fleet: fleet.name)
def found(request: pytest.FixtureRequest) -> Found:
    fleet: Fleet = request.param
    return Search(fleet, BUDGET, SEED).run(STATES)


def test_what_is_enabled_holds_in_every_state(found: Found) -> None:
    assert {name: first for name, first in found.first.items() if name in ENABLED} == {}


def test_a_search_reaches_deep_and_recovers_soon(found: Found) -> None:
    assert found.states == STATES or found.exhausted
    assert found.deepest > 12
    assert 1 < found.longest_recovery < 30
