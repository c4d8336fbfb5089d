"""Fault plans follow from their seed, differ, and cover every kind of fault."""

from __future__ import annotations

from collections import Counter

from faults.life import START, STEPS
from faults.plans import CORRUPTIONS, LAST_WRITE, TIMED_FAULTS, WRITE_FAULTS, plan_of


def test_a_plan_follows_from_its_seed_and_number() -> None:
    plans = [plan_of(1, index, len(STEPS)) for index in range(50)]
    assert plans == [plan_of(1, index, len(STEPS)) for index in range(50)]
    assert plans != [plan_of(2, index, len(STEPS)) for index in range(50)]
    assert [plan.step for plan in plans[:9]] == [0, 1, 2, 3, 4, 5, 6, 7, 0]


def test_two_thousand_plans_are_nearly_all_different_and_know_every_fault() -> None:
    plans = [plan_of(1, index, len(STEPS)) for index in range(2000)]
    faults = Counter(fault.kind for plan in plans for fault in plan.faults)
    assert len(set(plans)) > 1800
    assert faults.keys() == {*WRITE_FAULTS, *TIMED_FAULTS}
    assert min(faults.values()) > 100
    assert {fault.detail for plan in plans for fault in plan.faults if fault.kind == "corrupt"} == set(CORRUPTIONS)
    assert all(fault.nth <= LAST_WRITE for plan in plans for fault in plan.faults)


def test_the_life_of_the_fleet_is_a_cycle() -> None:
    fleet = dict(START)
    for step in STEPS:
        fleet |= dict(step.specs)
    assert {name: content for name, content in fleet.items() if content} == dict(START)
