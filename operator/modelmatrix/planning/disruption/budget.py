"""What one plan may disrupt: the room for surge replicas, one rollout in place for each pool and deployment, the fleet's bound.

The budget is used up while a plan decides: what a rollout takes, the next one does not find. Rollouts that are on take theirs
first. A rollout that fails takes no part of the fleet's bound, and an edit of a deployment itself does not wait for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from modelmatrix.planning.disruption.rollout import Cause, Rollout
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.placement.allocation import shape_of
from modelmatrix.planning.placement.bin_packing import PoolBins
from modelmatrix.planning.snapshot.views import NamespacedName


@dataclass(slots=True)
class Budget:
    """The budget of one plan.

    ``busy`` counts rollouts by pool, ``failing`` those of them that fail; ``in_place`` are the deployments that replace
    replicas in place, ``replacing`` the pools on which one does; ``causes`` are those of shared changes that are on, ``shared``
    their number.
    """

    pools: Mapping[str, PoolState]
    max_rollouts: int
    busy: dict[str, int] = field(default_factory=dict)
    failing: dict[str, int] = field(default_factory=dict)
    in_place: set[NamespacedName] = field(default_factory=set)
    replacing: set[str] = field(default_factory=set)
    causes: set[Cause] = field(default_factory=set)
    shared: int = 0
    _bins: dict[str, PoolBins] = field(default_factory=dict)

    def take_running(self, rollouts: Iterable[Rollout]) -> None:
        """Take what the rollouts that are on need."""
        for rollout in rollouts:
            fails = rollout.problem is not None and not rollout.is_going_back
            self._take(rollout, surge=rollout.surges, own=rollout.on_own, cause=rollout.on_cause, fails=fails)
            if rollout.surges and not rollout.has_surge_pod:
                self.take_room(rollout)

    def take(self, rollout: Rollout, *, surge: bool) -> None:
        """Take what a rollout needs that begins now; its surge replica has its room already."""
        self._take(rollout, surge=surge, own=rollout.is_own, cause=rollout.cause, fails=False)

    def take_room(self, rollout: Rollout) -> bool:
        """Take the devices of one surge replica; ``False`` when they are not free."""
        option = rollout.placement.option
        shape = shape_of(option)
        return self._bins_of(option.pool).allocate(shape, lacking=shape.nodes) is not None

    def may_replace_in_place(self, rollout: Rollout) -> bool:
        """Whether nothing else on the pool or of the deployment is being replaced."""
        busy = self.busy.get(rollout.pool, 0) - (self.failing.get(rollout.pool, 0) if rollout.is_own else 0)
        return busy <= 0 and rollout.key not in self.in_place

    def turn_in_place(self, rollout: Rollout) -> bool:
        """Have a surge without room go on in place; ``False`` while another one on the pool or of the deployment does.

        Other surges do not count: several whose room was taken would wait for each other.
        """
        if rollout.pool in self.replacing or rollout.key in self.in_place:
            return False
        self.replacing.add(rollout.pool)
        self.in_place.add(rollout.key)
        return True

    def may_begin_shared(self) -> bool:
        """Whether the fleet's bound leaves room for a change that is not a deployment's own."""
        return self.shared < self.max_rollouts

    def occupy(self, pool: str, key: NamespacedName) -> None:
        """Count a replacement in place that is no rollout: old replicas give their devices to new ones."""
        self.busy[pool] = self.busy.get(pool, 0) + 1
        self.replacing.add(pool)
        self.in_place.add(key)

    def _take(self, rollout: Rollout, *, surge: bool, own: bool, cause: Cause, fails: bool) -> None:
        pool = rollout.pool
        self.busy[pool] = self.busy.get(pool, 0) + 1
        self.failing[pool] = self.failing.get(pool, 0) + fails
        if not surge:
            self.replacing.add(pool)
            self.in_place.add(rollout.key)
        if not own:
            self.causes.add(cause)
            self.shared += not fails

    def _bins_of(self, pool: str) -> PoolBins:
        if pool not in self._bins:
            state = self.pools[pool]
            self._bins[pool] = PoolBins(state, state.granted)
        return self._bins[pool]
