"""Which pool gains a replica and which loses one, so that together they serve what is wanted. Pure.

Replicas stay where they are; what changes is the difference. A replica that serves goes only when the ones that stay serve
what is wanted without it: moves start before they stop. One move at a time, and only when nothing else starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

from modelmatrix.api.model_deployment import PlacementPolicy
from modelmatrix.scaling.decide.pool_candidates import PoolCandidateCapacity, PoolCandidates

# A replica goes when it is not wanted, nor a third of another one: it would soon have to start again.
SPARE = 0.33
# A move costs a start; it must be worth it.
WORTH = 0.85
# Sums of rates that differ by less are the same number of replicas.
ROUNDING = 1e-9


@dataclass(slots=True)
class _PoolCount:
    """A pool while replicas are counted: how many it shall have, how many of those start, how many more it could take."""

    candidate: PoolCandidateCapacity
    index: int
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
    fleet: PoolCandidates, placement: PlacementPolicy, *, wanted_per_second: float, lowest: int, highest: int, may_move: bool
) -> dict[str, int]:
    """Replicas by pool.

    Args:
        fleet: what there is.
        placement: how to choose among pools.
        wanted_per_second: requests that all replicas together must be able to serve.
        lowest: fewest replicas, whatever is wanted.
        highest: most replicas.
        may_move: whether a replica may be started on a better pool in place of one elsewhere.
    """
    if len(fleet.candidates) == 1:
        return {fleet.reference_pool.variant.pool: min(max(_number(fleet.reference_pool, wanted_per_second), lowest), highest)}
    seats = [_seat(index, one) for index, one in enumerate(fleet.candidates)]
    round_ = _PoolAllocator(seats, placement, wanted_per_second)
    round_.shrink(lowest)
    grew = round_.grow(lowest, highest)
    round_.cut(highest)
    if may_move and not grew and not any(seat.starting for seat in seats):
        round_.start_migration(highest)
    return {seat.candidate.variant.pool: seat.count for seat in seats}


def _number(only: PoolCandidateCapacity, wanted_per_second: float) -> int:
    """Replicas of the only pool."""
    replicas, present = wanted_per_second / only.per_second, only.variant.replicas
    spare = SPARE if 0 < replicas <= present - 1 else 0.0
    return ceil(replicas + spare - ROUNDING)


def _seat(index: int, candidate: PoolCandidateCapacity) -> _PoolCount:
    """Replicas that do not come are given up."""
    return _PoolCount(candidate, index, candidate.variant.ready + candidate.starting, candidate.starting, candidate.room)


@dataclass(slots=True)
class _PoolAllocator:
    seats: Sequence[_PoolCount]
    placement: PlacementPolicy
    wanted: float

    @property
    def number(self) -> int:
        return sum(seat.count for seat in self.seats)

    def _serves(self, *, ready: bool) -> float:
        """Requests per second that the replicas will serve, or the ready ones do."""
        return sum(seat.candidate.per_second * (seat.serving if ready else seat.count) for seat in self.seats)

    def shrink(self, lowest: int) -> None:
        """Take away what is too much."""
        while self.number > lowest:
            spare = [seat for seat in self.seats if seat.count and self._is_spare(seat)]
            if not spare:
                return
            max(spare, key=self._order).release()

    def _is_spare(self, seat: _PoolCount) -> bool:
        """Whether a replica of a pool may go; those that were only kept until a better one serves go without more ado."""
        if self._is_under_way(seat):
            return False
        spare = 0.0 if not self.wanted or self._is_left_over(seat) else SPARE * self.seats[0].candidate.per_second
        left = self.wanted + seat.candidate.per_second + spare - ROUNDING
        return self._serves(ready=False) >= left and (seat.starting > 0 or self._serves(ready=True) >= left)

    def _is_under_way(self, seat: _PoolCount) -> bool:
        """Whether replicas start here in place of some elsewhere."""
        return seat.starting > 0 and any(other.serving and self._is_better(seat, other) for other in self.seats)

    def _is_left_over(self, seat: _PoolCount) -> bool:
        return any(other.count and self._is_better(other, seat) for other in self.seats)

    def grow(self, lowest: int, highest: int) -> bool:
        """Add what is missing; whether anything was."""
        before = self.number
        while self.wanted - self._serves(ready=False) > ROUNDING * self.wanted or self.number < lowest:
            if self.number >= highest:
                break
            serving = [seat for seat in self.seats if seat.candidate.per_second]
            # Without room anywhere it is the preferred pool that lacks devices.
            roomy = [seat for seat in serving if seat.room > 0] or serving[:1]
            min(roomy, key=self._order).allocate()
        return self.number > before

    def cut(self, highest: int) -> None:
        """Take away what is forbidden."""
        while self.number > highest:
            max((seat for seat in self.seats if seat.count), key=self._order).release()

    def start_migration(self, highest: int) -> None:
        """Start on a better pool what one replica of a worse one serves; that one goes when they do."""
        better = [seat for seat in self.seats if seat.room > 0 and seat.candidate.per_second]
        worse = [seat for seat in self.seats if seat.count]
        if not better or not worse:
            return
        target, source = min(better, key=self._order), max(worse, key=self._order)
        surplus = self._serves(ready=False) - self.wanted
        number = max(1, ceil((source.candidate.per_second - surplus) / target.candidate.per_second - ROUNDING))
        if number <= min(target.room, highest - self.number) and self._is_worth(source, target, number, surplus):
            for _ in range(number):
                target.allocate()

    def _is_worth(self, source: _PoolCount, target: _PoolCount, number: int, surplus: float) -> bool:
        """Whether so many replicas on a pool are worth the start in place of some elsewhere."""
        if self.placement is PlacementPolicy.SPREAD:
            return number == 1 and self._on_site(source) > self._on_site(target) + 1
        return self._is_better(target, source) and (
            self.placement is not PlacementPolicy.CHEAPEST or self._saves(source, target, number, surplus)
        )

    def _saves(self, source: _PoolCount, target: _PoolCount, number: int, surplus: float) -> bool:
        """Whether so many replicas on a pool cost less than those that can go then elsewhere."""
        old, new = source.candidate, target.candidate
        freed = source.count
        if old.per_second:
            freed = min(freed, floor((surplus + number * new.per_second) / old.per_second + ROUNDING))
        return number * new.variant.cost_per_hour < WORTH * freed * old.variant.cost_per_hour

    def _is_better(self, target: _PoolCount, source: _PoolCount) -> bool:
        """Whether a replica should rather be on one pool than on another."""
        if self.placement is PlacementPolicy.SPREAD:
            return self._on_site(target) < self._on_site(source)
        if self.placement is PlacementPolicy.CHEAPEST:
            return target.candidate.cost < WORTH * source.candidate.cost
        return target.index < source.index

    def _order(self, seat: _PoolCount) -> tuple[float, int]:
        """The first gets a replica, the last loses one: by cost for what it serves, by replicas on the site, as listed."""
        if self.placement is PlacementPolicy.CHEAPEST:
            return seat.candidate.cost, seat.index
        return float(self._on_site(seat)), seat.index

    def _on_site(self, seat: _PoolCount) -> int:
        """Replicas on the seat's site; where sites do not matter, 0."""
        if self.placement is not PlacementPolicy.SPREAD:
            return 0
        return sum(one.count for one in self.seats if one.site == seat.site)
