"""One look, learned from."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from modelmatrix.scaling.decide.context import LAG_SECONDS, PolicyContext, build_context
from modelmatrix.scaling.state.state import DEFAULT_LENGTHS, PolicyState, ScaleDownState
from observations import CAPACITY, START, observation, reading, traffic, unknown, variant

BUSY = (variant(2, engine=reading(5.0)),)


def look(second: float = 1000.0, memory: PolicyState | None = None, **fields: Any) -> PolicyContext:
    now = build_context(observation(second, **fields), memory or PolicyState())
    assert now is not None
    return now


def test_looks_are_counted() -> None:
    first = look()
    assert (first.state.samples_seen, look(memory=first.state).state.samples_seen) == (1, 2)


def test_lengths_are_learned_from_traffic_and_kept_without() -> None:
    assert look(**unknown()).state.lengths == DEFAULT_LENGTHS
    long = look(traffic=traffic(input_tokens=9000.0)).state
    assert long.lengths.input_tokens == 9000.0
    assert look(memory=long, **unknown()).state.lengths.input_tokens == 9000.0
    # While no request finishes, lengths are not known, and not zero.
    assert look(memory=long, traffic=traffic(input_tokens=0.0)).state.lengths.input_tokens == 9000.0


def test_engines_are_read_once_a_minute_and_only_when_steady() -> None:
    first = look(variants=BUSY)
    assert first.state.minute_updated_at_second == 1000.0
    fit = first.state.pools["a"].fit
    soon, late = (look(second, first.state, variants=BUSY) for second in (1059.0, 1060.0))
    assert soon.state.pools["a"].fit is fit
    assert late.state.pools["a"].fit is not fit
    rising = traffic(arrivals_per_second_long=4.0)
    assert look(1060.0, first.state, variants=BUSY, traffic=rising).state.pools["a"].fit is fit


@pytest.mark.parametrize("fields", [unknown(), {"traffic": traffic(nan)}, {"traffic": traffic(waiting=inf)}])
def test_what_cannot_be_trusted_teaches_nothing(fields: dict[str, Any]) -> None:
    before = look(variants=BUSY).state
    now = look(1060.0, before, variants=BUSY, **fields)
    assert now.traffic is None
    assert now.state.demand is before.demand
    assert now.state.pools["a"].fit is before.pools["a"].fit


def test_starts_are_learned_whatever_the_signals() -> None:
    seen = (variant(2, observed_starts=((1.0, 300.0), (2.0, 310.0), (3.0, 320.0), (4.0, 330.0))),)
    assert look(variants=seen, **unknown()).horizon_seconds == 320.0 + LAG_SECONDS


def test_the_longest_start_is_that_of_any_pool_and_counts_priors() -> None:
    slow = variant(1, observed_starts=((100.0, 150.0), (200.0, 400.0), (300.0, 170.0)))
    assert look(variants=(slow,)).longest_start_seconds == 400.0
    assert look(variants=(slow, variant(0, pool="b", start_seconds=500.0))).longest_start_seconds == 500.0


def test_the_horizon_is_a_start_and_the_lag_of_metrics() -> None:
    assert look().horizon_seconds == START + LAG_SECONDS


def test_what_there_is_counts_as_much_as_what_is_wanted() -> None:
    assert look(desired=7).current_replicas == 7.0
    mixed = look(variants=(variant(2), variant(3, pool="b")), desired=1)
    assert mixed.current_replicas == pytest.approx(5.0)


@pytest.mark.parametrize(("counted", "believed"), [(None, 0.0), (nan, 0.0), (inf, 0.0), (7.0, 7.0)])
def test_a_gateway_is_believed_when_it_counts_a_number(counted: float | None, believed: float) -> None:
    assert look(gateway_per_second=counted).gateway_per_second == believed


def test_the_next_memory_knows_the_step_and_the_last_rate() -> None:
    now = look(desired=4, traffic=traffic(20.0))
    kept = ScaleDownState(recommendations=((1000.0, 3.0),), reduced_at_second=5.0, last_busy_second=6.0)
    down, same = now.next_state(kept, 3), now.next_state(kept, 4)
    assert (down.scale_down.reduced_at_second, same.scale_down.reduced_at_second) == (1000.0, 5.0)
    assert down.scale_down.recommendations == kept.recommendations
    assert down.previous_fast_per_second == 20.0
    blind = look(memory=down, **unknown()).next_state(kept, 2)
    assert blind.previous_fast_per_second == 20.0


def test_no_pool_no_situation() -> None:
    assert build_context(observation(variants=()), PolicyState()) is None


def test_a_rate_in_replicas() -> None:
    now = look()
    assert now.capacity_need(CAPACITY).replicas > 1.0
    assert now.most_per_second(10.0, 0.1) > 10.0
    assert replace(now, traffic=None).capacity_need(0.0).replicas == 0.0
