"""Pools in order of preference, and who does not come into question."""

from __future__ import annotations

from typing import Any

import pytest

from modelmatrix.api.model_deployment import PlacementPolicy
from modelmatrix.performance.engine_timing import EngineTiming, TokenLengths
from modelmatrix.scaling.decide.pool_candidates import PoolCandidates, rank_pools
from modelmatrix.scaling.observation.observation import Observation, Variant
from modelmatrix.scaling.state.update import AVOIDED_SECONDS, LOST_STARTS, update_pool
from observations import CAPACITY, LENGTHS, LIMITS, SLO, START, observation, variant

SLOW = EngineTiming(0.02, 80e-6, 70e-9)
HOPELESS = EngineTiming(0.06, 41e-6, 36e-9)


def fleet(*variants: Variant, second: float = 0.0, lengths: TokenLengths = LENGTHS, **fields: Any) -> PoolCandidates | None:
    seen: Observation = observation(second, variants=variants, **fields)
    pools = {one.pool: update_pool(None, one, lengths, SLO, second, learns_timing=False) for one in variants}
    return rank_pools(seen, pools)


def names(found: PoolCandidates | None) -> list[str]:
    assert found is not None
    return [one.variant.pool for one in found.candidates]


def test_pools_are_preferred_as_they_are_listed() -> None:
    found = fleet(variant(pool="dear", cost_per_hour=9.0), variant(pool="cheap"))
    assert names(found) == ["dear", "cheap"]


def test_cheapest_is_by_what_a_replica_serves() -> None:
    slow, fast = variant(pool="slow", timing=SLOW, cost_per_hour=0.9), variant(pool="fast", cost_per_hour=1.0)
    assert names(fleet(slow, fast, placement=PlacementPolicy.CHEAPEST)) == ["fast", "slow"]


def test_a_pool_that_cannot_keep_the_slo_comes_last_whatever_it_costs() -> None:
    found = fleet(variant(pool="hopeless", timing=HOPELESS, cost_per_hour=0.0), variant(pool="good"))
    assert names(found) == ["good", "hopeless"]
    assert found is not None
    assert (found.meets_slo, found.candidates[1].per_second) == (True, 0.0)


def test_where_none_keeps_the_slo_throughput_counts() -> None:
    found = fleet(variant(timing=HOPELESS))
    assert found is not None
    assert not found.meets_slo
    assert found.reference_pool.per_second > 0.0


def test_nothing_is_left_where_no_request_fits() -> None:
    assert fleet(variant(), lengths=TokenLengths(input_tokens=10.0**7, output_tokens=1.0)) is None
    assert fleet() is None


def test_what_serves_and_what_will() -> None:
    found = fleet(variant(2, starting=1), variant(1, pool="b", timing=SLOW))
    assert found is not None
    slow = SLOW.tpot_capacity(SLO.tpot_seconds, LENGTHS)
    assert found.ready_per_second == pytest.approx(2 * CAPACITY + slow)
    assert found.coming_per_second == pytest.approx(3 * CAPACITY + slow)


def test_the_next_replica_goes_where_there_is_room() -> None:
    full, roomy = variant(pool="full", room=0), variant(pool="roomy", start_seconds=60.0)
    found, none = fleet(full, roomy), fleet(full, variant(pool="full-too", room=0))
    assert found is not None
    assert none is not None
    assert (found.preferred.variant.pool, found.preferred.start_seconds) == ("roomy", 60.0)
    assert (found.reference_pool.variant.pool, none.preferred.variant.pool) == ("full", "full")


def stuck(**fields: Any) -> Variant:
    return variant(2, pool="stuck", starting=2, starting_ages_seconds=(LOST_STARTS * START + 1.0, 5.0), **fields)


def test_a_pool_whose_replicas_do_not_come_is_shunned_for_a_while() -> None:
    found = fleet(stuck(), variant(pool="b"))
    assert found is not None
    lost = found.candidates[0]
    assert (lost.starting, lost.room, found.preferred.variant.pool) == (0, 0, "b")
    known = update_pool(None, stuck(), LENGTHS, SLO, 1000.0, learns_timing=False)
    later = variant(2, pool="stuck")
    assert known.avoided_until_second == 1000.0 + AVOIDED_SECONDS
    assert (
        update_pool(known, later, LENGTHS, SLO, 1015.0, learns_timing=False).avoided_until_second == known.avoided_until_second
    )


@pytest.mark.parametrize(
    "other", [None, variant(pool="b", room=0), variant(pool="b", timing=HOPELESS)], ids=["none", "full", "hopeless"]
)
def test_a_pool_without_an_alternative_is_not_shunned(other: Variant | None) -> None:
    found = fleet(stuck(), *([other] if other else []))
    assert found is not None
    assert (found.candidates[0].starting, found.candidates[0].room) == (2, 100)


def test_a_pool_that_serves_nothing_costs_infinitely_much() -> None:
    found = fleet(variant(), variant(pool="b", limits=LIMITS.__class__(max_num_seqs=1, kv_tokens=100)))
    assert found is not None
    assert found.candidates[1].cost == float("inf")
