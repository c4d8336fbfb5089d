"""The order in which signals are asked: each answer comes before those that a worse state would give."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelmatrix.api.reasons import Reason
from modelmatrix.scaling.decide.context import MAX_GROWTH, MIN_GROWTH_BASE, build_context
from modelmatrix.scaling.decide.proposal import FIRST_SAMPLES, ReplicaProposal, propose_replicas
from modelmatrix.scaling.state.state import PolicyState
from observations import CAPACITY, observation, traffic, unknown, variant

IDLE = {"quality": Reason.NO_TRAFFIC, "traffic": traffic(0.0, running=0.0)}
ASLEEP = {"variants": (variant(0),), "desired": 0, "min_replicas": 0}


def asked(*, looks: int = 100, **fields: Any) -> ReplicaProposal:
    now = build_context(observation(**fields), PolicyState(samples_seen=looks - 1))
    assert now is not None
    return propose_replicas(now)


@pytest.mark.parametrize("fields", [{}, IDLE, unknown(), {"traffic": traffic(1e6)}])
def test_first_looks_hold_whatever_they_see(fields: dict[str, Any]) -> None:
    for look in range(1, FIRST_SAMPLES + 1):
        said = asked(looks=look, **fields)
        assert (said.replicas, said.holds) == (2.0, True)
    assert asked(looks=FIRST_SAMPLES + 1, **fields) != said


def test_who_sleeps_is_not_asked_for_metrics() -> None:
    said = asked(**ASLEEP, **unknown())
    assert (said.replicas, said.reason, said.holds) == (0.0, Reason.SCALED_TO_ZERO, False)
    assert asked(**ASLEEP, **unknown(), gateway_per_second=CAPACITY).replicas > 1.0


@pytest.mark.parametrize("fields", [{"desired": 1}, {"variants": (variant(0, starting=1),)}, {"variants": (variant(1),)}])
def test_who_wakes_or_falls_asleep_is_not_asleep(fields: dict[str, Any]) -> None:
    assert asked(**ASLEEP | fields, **unknown()).reason is Reason.SIGNALS_MISSING


def test_what_is_unknown_holds() -> None:
    said = asked(**unknown(quality=Reason.SIGNALS_STALE, quality_message="too old"))
    assert (said.replicas, said.holds, said.reason, said.message) == (2.0, True, Reason.SIGNALS_STALE, "too old")


def test_a_number_that_is_none_is_unknown() -> None:
    said = asked(traffic=traffic(float("nan")))
    assert (said.replicas, said.holds) == (2.0, True)


def test_evidence_adds_to_what_is_unknown() -> None:
    assert asked(**unknown(gateway_per_second=5 * CAPACITY)).replicas > 5.0
    some = traffic(3 * CAPACITY, measured=1)
    assert asked(**unknown(traffic=some)).replicas > 4.0
    assert asked(**unknown(traffic=replace(some, measured=None))).replicas == 2.0
    assert asked(**unknown(traffic=replace(some, measured=0))).replicas == 2.0
    assert asked(**unknown(traffic=replace(some, waiting=float("inf")))).replicas == 2.0


@pytest.mark.parametrize("fields", [{"running": 3.0}, {"running": 0.0, "waiting": 3.0}])
def test_a_standstill_holds_without_keeping_for_longer(fields: dict[str, float]) -> None:
    said = asked(traffic=traffic(0.0, arrivals_per_second_long=5.0, **fields))
    assert (said.replicas, said.holds) == (0.0, True)
    assert said.message.startswith("3 requests are in flight")


def test_idle_asks_for_nothing() -> None:
    said = asked(**IDLE)
    assert (said.replicas, said.holds, said.reason) == (0.0, False, Reason.NO_TRAFFIC)


def test_a_load_asks_for_what_it_takes() -> None:
    said = asked(traffic=traffic(3 * CAPACITY))
    assert said.replicas > 3.0
    assert not said.holds


@pytest.mark.parametrize(
    "fields",
    [
        {"traffic": traffic(1e9)},
        {"traffic": traffic(1.0, arrivals_per_second_fast=1e9)},
        {"traffic": traffic(1.0, waiting=1e9)},
        unknown(gateway_per_second=1e9),
    ],
    ids=["arrivals", "burst", "queue", "gateway"],
)
def test_no_figure_is_believed_for_more_than_four_times_of_what_serves(fields: dict[str, Any]) -> None:
    assert asked(variants=(variant(8),), **fields).replicas == MAX_GROWTH * 8
    assert asked(variants=(variant(1),), **fields).replicas == MAX_GROWTH * MIN_GROWTH_BASE
    assert asked(variants=(variant(1, starting=40),), **fields).replicas == 41.0
