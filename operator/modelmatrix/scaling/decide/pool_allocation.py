"""Distributes capacity over pools: which pool gains a replica, and which loses one. Pure.

Replicas stay where they are; only the difference changes. In this order:

1. shrink: remove replicas, from the least preferred pool on, while the rest serve the required rate and a reserve.
2. grow: add replicas on the most preferred pool with free devices until all serve the required rate.
3. cut: remove what exceeds the bounds.
4. move: with nothing else starting, start on a better pool what one replica of the worst pool serves. That replica is removed
   by a later shrink, once the new ones are ready: a move starts before it stops.

A replica that serves is removed only if the ready ones that stay serve the required rate without it. Order, and what a move is
worth, come from ``pool_preference``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

from modelmatrix.api.model_deployment import PlacementPolicy
from modelmatrix.scaling.decide.pool_candidates import PoolCandidateCapacity, PoolCandidates
from modelmatrix.scaling.observation.pool_preference import Move, PoolPreference, PoolStanding, preference_of

# A replica goes only if the rest could spare a third of another one: else it would soon have to start again.
SPARE = 0.33
# Sums of rates that differ by less are the same number of replicas.
ROUNDING = 1e-9


@dataclass(slots=True)
class _PoolCount:
    """A pool while replicas are counted: its replicas, those of them that start, and how many more it could take."""

    candidate: PoolCandidateCapacity
    position: int
    count: int
    starting: int
    room: int

    @property
    def site(self) -> str:
        return self.candidate.variant.site or self.candidate.variant.pool

    @property
    def serving(self) -> int:
        """Replicas that are ready and stay."""
        return self.count - self.starting

    def allocate(self) -> None:
        self.count += 1
        self.starting += 1
        self.room -= 1

    def release(self) -> None:
        self.count -= 1
        self.starting = max(0, self.starting - 1)


def allocate_to_pools(
    pools: PoolCandidates, placement: PlacementPolicy, *, required_per_second: float, lowest: int, highest: int, may_move: bool
) -> dict[str, int]:
    """Replicas by pool.

    Args:
        pools: the candidates.
        placement: how to choose among pools.
        required_per_second: requests that all replicas together must be able to serve.
        lowest: fewest replicas, whatever the rate.
        highest: most replicas.
        may_move: whether a replica may start on a better pool in place of one elsewhere.
    """
    if len(pools.candidates) == 1:
        only = pools.reference_pool
        return {only.variant.pool: min(max(_replicas_of_only(only, required_per_second), lowest), highest)}
    counts = [_count(position, candidate) for position, candidate in enumerate(pools.candidates)]
    allocator = _PoolAllocator(counts, preference_of(placement), required_per_second)
    allocator.shrink(lowest)
    has_grown = allocator.grow(lowest, highest)
    allocator.cut(highest)
    if may_move and not has_grown and not any(pool.starting for pool in counts):
        allocator.start_migration(highest)
    return {pool.candidate.variant.pool: pool.count for pool in counts}


def _replicas_of_only(only: PoolCandidateCapacity, required_per_second: float) -> int:
    """Replicas of the only pool, before bounds."""
    replicas, present = required_per_second / only.per_second, only.variant.replicas
    spare = SPARE if 0 < replicas <= present - 1 else 0.0
    return ceil(replicas + spare - ROUNDING)


def _count(position: int, candidate: PoolCandidateCapacity) -> _PoolCount:
    """Starting replicas of an avoided pool do not count: the candidate has none."""
    return _PoolCount(candidate, position, candidate.variant.ready + candidate.starting, candidate.starting, candidate.room)


@dataclass(slots=True)
class _PoolAllocator:
    pools: Sequence[_PoolCount]
    preference: PoolPreference
    required: float

    @property
    def replicas(self) -> int:
        return sum(pool.count for pool in self.pools)

    def _served(self, *, ready: bool) -> float:
        """Requests per second that all replicas will serve, or that the ready ones do."""
        return sum(pool.candidate.per_second * (pool.serving if ready else pool.count) for pool in self.pools)

    def shrink(self, lowest: int) -> None:
        """Remove replicas that are not needed."""
        while self.replicas > lowest:
            spare = [pool for pool in self.pools if pool.count and self._is_spare(pool)]
            if not spare:
                return
            max(spare, key=self._rank).release()

    def _is_spare(self, pool: _PoolCount) -> bool:
        """Whether the pool can lose a replica.

        Replicas kept only during a move are removed without the reserve.
        """
        if self._is_moving_to(pool):
            return False
        spare = 0.0 if not self.required or self._is_moving_from(pool) else SPARE * self.pools[0].candidate.per_second
        needed = self.required + pool.candidate.per_second + spare - ROUNDING
        return self._served(ready=False) >= needed and (pool.starting > 0 or self._served(ready=True) >= needed)

    def _is_moving_to(self, pool: _PoolCount) -> bool:
        """Whether replicas start here in place of ready ones on a worse pool."""
        return pool.starting > 0 and any(other.serving and self._is_better(pool, other) for other in self.pools)

    def _is_moving_from(self, pool: _PoolCount) -> bool:
        """Whether a better pool has replicas."""
        return any(other.count and self._is_better(other, pool) for other in self.pools)

    def grow(self, lowest: int, highest: int) -> bool:
        """Add missing replicas; whether any were missing."""
        before = self.replicas
        while self.required - self._served(ready=False) > ROUNDING * self.required or self.replicas < lowest:
            if self.replicas >= highest:
                break
            with_capacity = [pool for pool in self.pools if pool.candidate.per_second]
            # Without free devices anywhere the preferred pool grows: the planner then reports what it lacks there.
            with_room = [pool for pool in with_capacity if pool.room > 0] or with_capacity[:1]
            min(with_room, key=self._rank).allocate()
        return self.replicas > before

    def cut(self, highest: int) -> None:
        """Remove replicas beyond the bounds."""
        while self.replicas > highest:
            max((pool for pool in self.pools if pool.count), key=self._rank).release()

    def start_migration(self, highest: int) -> None:
        """Start on the best pool what one replica of the worst pool serves, if the move is worth it."""
        targets = [pool for pool in self.pools if pool.room > 0 and pool.candidate.per_second]
        sources = [pool for pool in self.pools if pool.count]
        if not targets or not sources:
            return
        target, source = min(targets, key=self._rank), max(sources, key=self._rank)
        surplus = self._served(ready=False) - self.required
        starts = max(1, ceil((source.candidate.per_second - surplus) / target.candidate.per_second - ROUNDING))
        if starts <= min(target.room, highest - self.replicas) and self._is_worth(source, target, starts, surplus):
            for _ in range(starts):
                target.allocate()

    def _is_worth(self, source: _PoolCount, target: _PoolCount, starts: int, surplus: float) -> bool:
        """Whether starts on a pool are worth it, in place of the replicas elsewhere that can go then."""
        old, new = source.candidate, target.candidate
        removed = source.count
        if old.per_second:
            removed = min(removed, floor((surplus + starts * new.per_second) / old.per_second + ROUNDING))
        move = Move(
            self._standing(target),
            self._standing(source),
            starts,
            cost_after=starts * new.variant.cost_per_hour,
            cost_before=removed * old.variant.cost_per_hour,
        )
        return self.preference.is_worth(move)

    def _is_better(self, target: _PoolCount, source: _PoolCount) -> bool:
        return self.preference.is_better(self._standing(target), self._standing(source))

    def _rank(self, pool: _PoolCount) -> tuple[float, int]:
        return self.preference.rank(self._standing(pool))

    def _standing(self, pool: _PoolCount) -> PoolStanding:
        on_site = 0
        if self.preference.uses_sites:
            on_site = sum(other.count for other in self.pools if other.site == pool.site)
        return PoolStanding(pool.position, pool.candidate.cost, on_site)
