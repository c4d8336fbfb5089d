"""Which pool gets a deployment's next replica and which loses one: the placement policies Ordered, Cheapest and Spread.

The only place that tells the three apart. A policy ranks the standings of pools: the first gets a replica, the last loses one.

- Ordered: as the spec lists the pools.
- Cheapest: by cost. The planner compares the price of a replica; the scaling policy, which knows what a replica serves,
  compares the cost of serving one request per second.
- Spread: by the deployment's replicas on the pool's site, the emptiest site first.

Ties are broken by the order of the spec. A move starts a replica on a better pool before one elsewhere goes, and a start is not
free: Cheapest moves only if that saves 15 %, Spread only if the sites differ by more than one replica. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from modelmatrix.api.model_deployment import PlacementPolicy

# A move is worth its start if it costs at most this share of before.
WORTH = 0.85


class PoolStanding(NamedTuple):
    """A pool at one moment: its position in the spec, a cost to compare, and the deployment's replicas on its site."""

    position: int
    cost: float = 0.0
    replicas_on_site: int = 0


class Move(NamedTuple):
    """Replicas that start on ``target`` in place of replicas on ``source``.

    ``cost_after`` is the cost per hour of the started replicas, ``cost_before`` that of the replicas that can go then.
    """

    target: PoolStanding
    source: PoolStanding
    starts: int
    cost_after: float
    cost_before: float


class PoolPreference:
    """The policy Ordered, and what the others refine. ``uses_costs`` and ``uses_sites`` say which fields a rank depends on."""

    uses_costs: ClassVar[bool] = False
    uses_sites: ClassVar[bool] = False

    def rank(self, pool: PoolStanding) -> tuple[float, int]:
        """A sort key: the first pool gets a replica, the last loses one."""
        return 0.0, pool.position

    def is_better(self, target: PoolStanding, source: PoolStanding) -> bool:
        """Whether a replica on ``target`` is preferred to one on ``source`` by enough to move it."""
        return target.position < source.position

    def is_worth(self, move: Move) -> bool:
        """Whether a move is worth the starts that it takes."""
        return self.is_better(move.target, move.source)


class _Cheapest(PoolPreference):
    uses_costs = True

    def rank(self, pool: PoolStanding) -> tuple[float, int]:
        return pool.cost, pool.position

    def is_better(self, target: PoolStanding, source: PoolStanding) -> bool:
        return target.cost < WORTH * source.cost

    def is_worth(self, move: Move) -> bool:
        return self.is_better(move.target, move.source) and move.cost_after < WORTH * move.cost_before


class _Spread(PoolPreference):
    uses_sites = True

    def rank(self, pool: PoolStanding) -> tuple[float, int]:
        return pool.replicas_on_site, pool.position

    def is_better(self, target: PoolStanding, source: PoolStanding) -> bool:
        return target.replicas_on_site < source.replicas_on_site

    def is_worth(self, move: Move) -> bool:
        return move.starts == 1 and move.source.replicas_on_site > move.target.replicas_on_site + 1


_PREFERENCES: Mapping[PlacementPolicy, PoolPreference] = {
    PlacementPolicy.ORDERED: PoolPreference(),
    PlacementPolicy.CHEAPEST: _Cheapest(),
    PlacementPolicy.SPREAD: _Spread(),
}


def preference_of(placement: PlacementPolicy) -> PoolPreference:
    """The preference that a deployment's ``spec.placement`` names."""
    return _PREFERENCES[placement]
