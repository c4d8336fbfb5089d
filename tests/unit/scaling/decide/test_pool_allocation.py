"""Where replicas go: spill and return, cost, sites, moves that start before they stop."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmatrix.api.model_deployment import PlacementPolicy
from modelmatrix.performance.engine_timing import EngineTiming
from modelmatrix.scaling.decide.pool_allocation import SPARE, allocate_to_pools
from modelmatrix.scaling.decide.pool_candidates import PoolCandidates, rank_pools
from modelmatrix.scaling.observation.observation import Variant
from modelmatrix.scaling.state.update import update_pool
from observations import CAPACITY, LENGTHS, SLO, observation, variant

ORDERED, CHEAPEST, SPREAD = PlacementPolicy.ORDERED, PlacementPolicy.CHEAPEST, PlacementPolicy.SPREAD
SLOW = EngineTiming(0.02, 80e-6, 70e-9)
SLOW_CAPACITY = SLOW.tpot_capacity(SLO.tpot_seconds, LENGTHS)
HOPELESS = EngineTiming(0.06, 41e-6, 36e-9)


def fleet(*variants: Variant, placement: PlacementPolicy = ORDERED) -> PoolCandidates:
    pools = {one.pool: update_pool(None, one, LENGTHS, SLO, 0.0, learns_timing=False) for one in variants}
    found = rank_pools(observation(variants=variants, placement=placement), pools)
    assert found is not None
    return found


def placed(replicas: float, *variants: Variant, placement: PlacementPolicy = ORDERED, **fields: Any) -> dict[str, int]:
    """Numbers by pool that serve what so many fast replicas serve."""
    defaults: dict[str, Any] = {"lowest": 0, "highest": 100, "may_move": True}
    return allocate_to_pools(
        fleet(*variants, placement=placement), placement, required_per_second=replicas * CAPACITY, **defaults | fields
    )


def a(ready: int, **fields: Any) -> Variant:
    return variant(ready, pool="a", **fields)


def b(ready: int, **fields: Any) -> Variant:
    return variant(ready, pool="b", **fields)


def test_a_single_pool_in_numbers() -> None:
    assert placed(3.2, a(2)) == {"a": 4}
    assert placed(3.0, a(2)) == {"a": 3}
    assert placed(0.0, a(4)) == {"a": 0}
    assert placed(0.0, a(4), lowest=2) == {"a": 2}
    assert placed(9.0, a(4), highest=5) == {"a": 5}
    assert placed(1e-6, a(4)) == {"a": 1}


def test_a_replica_that_would_soon_start_again_stays() -> None:
    assert placed(4.0 - SPARE + 0.01, a(5)) == {"a": 5}
    assert placed(4.0 - SPARE - 0.01, a(5)) == {"a": 4}


@given(st.just(0.0) | st.floats(1e-6, 30.0), st.integers(0, 20), st.integers(0, 10), st.integers(0, 10), st.integers(0, 30))
def test_one_pool_is_counted_like_many(wanted: float, ready: int, starting: int, lowest: int, more: int) -> None:
    only = a(ready, starting=starting)
    alone = placed(wanted, only, lowest=lowest, highest=lowest + more)
    among = placed(wanted, only, b(0, timing=HOPELESS, room=0), lowest=lowest, highest=lowest + more)
    assert among == {**alone, "b": 0}


def test_the_second_pool_takes_what_the_first_has_no_room_for() -> None:
    assert placed(5.0, a(2, room=1), b(0)) == {"a": 3, "b": 2}


def test_without_any_room_the_first_pool_is_what_lacks() -> None:
    assert placed(5.0, a(2, room=0), b(1, room=0)) == {"a": 4, "b": 1}


def test_less_is_taken_from_the_last_pool_first() -> None:
    assert placed(2.0, a(2), b(3)) == {"a": 2, "b": 0}


def test_what_spilled_comes_back_one_by_one_and_starts_before_it_stops() -> None:
    """From two pools back to the first: no moment without the capacity, no more than one extra replica."""
    numbers = {"a": [2, 0], "b": [3, 0]}  # ready, starting
    seen = []
    for _ in range(12):
        by_pool = placed(5.0, *(variant(ready, pool=pool, starting=starting) for pool, (ready, starting) in numbers.items()))
        seen.append(by_pool)
        for pool, number in by_pool.items():
            ready, starting = numbers[pool]
            numbers[pool] = [min(ready + starting, number), max(0, number - ready - starting)]
            assert sum(one[0] for one in numbers.values()) >= 5
    assert seen[0] == {"a": 3, "b": 3}
    assert seen[-1] == {"a": 5, "b": 0}
    assert all(sum(one.values()) <= 6 for one in seen)


def test_nothing_moves_while_something_starts_or_grows_or_is_forbidden() -> None:
    assert placed(5.0, a(2, starting=1), b(2)) == {"a": 3, "b": 2}
    assert placed(6.0, a(2), b(3)) == {"a": 3, "b": 3}
    assert placed(5.0, a(2), b(3), may_move=False) == {"a": 2, "b": 3}
    assert placed(5.0, a(2), b(3), highest=5) == {"a": 2, "b": 3}
    assert placed(5.0, a(2, room=0), b(3)) == {"a": 2, "b": 3}


def test_a_ready_replica_stays_until_another_one_serves() -> None:
    """What starts elsewhere does not serve yet."""
    assert placed(3.0, a(0, starting=3), b(3)) == {"a": 3, "b": 3}
    assert placed(3.0, a(3), b(3)) == {"a": 3, "b": 0}


def test_a_start_that_is_not_wanted_any_more_is_given_up_first() -> None:
    assert placed(1.6, a(2, starting=3), b(0)) == {"a": 2, "b": 0}


def test_the_cheapest_for_what_it_serves_takes_replicas() -> None:
    slow, fast = b(0, timing=SLOW, cost_per_hour=0.3), a(0, cost_per_hour=1.0)
    assert 0.3 / SLOW_CAPACITY < 1.0 / CAPACITY
    found = placed(3.0, fast, slow, placement=CHEAPEST)
    assert found["a"] == 0
    assert (found["b"] - 1) * SLOW_CAPACITY < 3.0 * CAPACITY <= found["b"] * SLOW_CAPACITY


def test_small_steps_go_where_large_ones_go() -> None:
    """A small replica is cheaper for a bit, but bits add up."""
    large, small = a(2, cost_per_hour=1.0), b(0, timing=SLOW, cost_per_hour=0.6)
    assert placed(2.2, large, small, placement=CHEAPEST) == {"a": 3, "b": 0}


def test_many_small_dear_replicas_make_way_for_a_large_cheap_one() -> None:
    few, many = (b(number, timing=SLOW, cost_per_hour=0.6) for number in (1, 3))
    assert placed(0.4, a(0, cost_per_hour=1.0), few, placement=CHEAPEST) == {"a": 0, "b": 1}
    assert placed(1.2, a(0, cost_per_hour=1.0), many, placement=CHEAPEST) == {"a": 1, "b": 3}
    assert placed(1.2, a(1, cost_per_hour=1.0), many, placement=CHEAPEST) == {"a": 1, "b": 1}


def test_a_move_must_save_something() -> None:
    assert placed(2.0, a(2, cost_per_hour=1.0), b(0, cost_per_hour=0.9), placement=CHEAPEST) == {"a": 2, "b": 0}
    assert placed(2.0, a(2, cost_per_hour=1.0), b(0, cost_per_hour=0.8), placement=CHEAPEST) == {"a": 2, "b": 1}


def test_what_serves_nothing_makes_way_when_it_may_not_just_go() -> None:
    useless = b(1, timing=HOPELESS, cost_per_hour=3.0)
    assert placed(1.0, a(1), useless, placement=CHEAPEST, lowest=2) == {"a": 2, "b": 1}


def test_the_dearest_goes_first() -> None:
    assert placed(1.0, a(2, cost_per_hour=2.0), b(1, cost_per_hour=1.0), placement=CHEAPEST) == {"a": 0, "b": 1}


def sites(east: int, west: int, **fields: Any) -> tuple[Variant, Variant]:
    return a(east, site="east", **fields), b(west, site="west")


def test_sites_share_replicas() -> None:
    assert placed(5.0, *sites(0, 0), placement=SPREAD) == {"a": 3, "b": 2}
    assert placed(1.6, *sites(4, 1), placement=SPREAD) == {"a": 1, "b": 1}


def test_a_site_that_lacks_replicas_gets_one_of_another() -> None:
    assert placed(4.0, *sites(4, 0), placement=SPREAD) == {"a": 4, "b": 1}
    assert placed(4.0, *sites(3, 1), placement=SPREAD) == {"a": 3, "b": 2}
    assert placed(3.0, *sites(2, 1), placement=SPREAD) == {"a": 2, "b": 1}
    assert placed(4.0, *sites(4, 0, room=0), placement=SPREAD) == {"a": 4, "b": 1}


def test_pools_without_a_site_are_sites_of_their_own() -> None:
    assert placed(4.0, a(0), b(0), placement=SPREAD) == {"a": 2, "b": 2}


def test_a_pool_that_serves_nothing_gets_nothing_and_loses_what_it_has() -> None:
    assert placed(3.0, a(3), b(2, timing=HOPELESS)) == {"a": 3, "b": 0}
    assert placed(3.0, a(1, room=0), b(0, timing=HOPELESS)) == {"a": 3, "b": 0}


def test_replicas_that_do_not_come_are_wanted_elsewhere() -> None:
    stuck = a(1, starting=2, starting_ages_seconds=(10_000.0,))
    assert placed(3.0, stuck, b(0)) == {"a": 1, "b": 2}


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Variant, ...]:
    def pool(name: str) -> Variant:
        return variant(
            draw(st.integers(0, 6)),
            pool=name,
            starting=draw(st.integers(0, 3)),
            room=draw(st.integers(0, 6)),
            timing=draw(st.sampled_from([variant().timing, SLOW, HOPELESS])),
            cost_per_hour=draw(st.sampled_from([0.5, 1.0, 3.0])),
            site=draw(st.sampled_from(["", "east", "west"])),
        )

    return a(draw(st.integers(0, 6))), pool("b"), pool("c")


@given(worlds(), st.floats(0.0, 12.0), st.sampled_from(list(PlacementPolicy)), st.integers(0, 8), st.integers(0, 20))
def test_whatever_there_is_bounds_and_capacity_are_kept(
    variants: tuple[Variant, ...], wanted: float, placement: PlacementPolicy, lowest: int, more: int
) -> None:
    highest = max(1, lowest + more)
    by_pool = placed(wanted, *variants, placement=placement, lowest=lowest, highest=highest)
    assert lowest <= sum(by_pool.values()) <= highest
    found = {one.variant.pool: one.per_second for one in fleet(*variants, placement=placement).candidates}
    serves = sum(found[pool] * number for pool, number in by_pool.items())
    assert serves >= wanted * CAPACITY * (1 - 1e-6) or sum(by_pool.values()) == highest


@given(worlds(), st.floats(0.0, 8.0), st.sampled_from(list(PlacementPolicy)))
def test_the_same_comes_to_rest(variants: tuple[Variant, ...], wanted: float, placement: PlacementPolicy) -> None:
    """Moves end: after some rounds, in which everything starts at once, numbers stay as they are."""
    seen = []
    world = variants
    for _ in range(40):
        by_pool = placed(wanted, *world, placement=placement)
        seen.append(by_pool)
        world = tuple(
            replace(one, ready=by_pool[one.pool], starting=0, room=max(0, one.room - by_pool[one.pool] + one.replicas))
            for one in world
        )
    assert all(before == after for before, after in pairwise(seen[-5:]))


@pytest.mark.parametrize("placement", list(PlacementPolicy))
def test_growth_and_shrinking_of_three_pools_end_where_they_began(placement: PlacementPolicy) -> None:
    world = (a(2), b(0), variant(0, pool="c"))
    grown = placed(6.0, *world, placement=placement)
    after = tuple(replace(one, ready=grown[one.pool]) for one in world)
    assert sum(grown.values()) == 6
    assert sum(placed(1.6, *after, placement=placement, may_move=False).values()) == 2
