"""Devices of the pools, shared by deployments: who wants more gets what is free, the most important first."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from modelmatrix.simulation.roster import Phase

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmark.deployed import Deployed
    from benchmark.scenario import Scenario


class Pools:
    """How many devices each pool has now, and who holds them."""

    def __init__(self, scenario: Scenario, deployed: Iterable[Deployed]) -> None:
        self.limits = {pool.name: inf if pool.devices is None else pool.devices for pool in scenario.pools}
        self._deployed = sorted(deployed, key=lambda one: one.deployment.priority)

    def held(self, pool: str) -> int:
        """Devices that replicas hold, those that start or drain included."""
        return sum(
            member.variant.devices_per_replica
            for one in self._deployed
            for placement in one.deployment.placements
            if placement.pool == pool
            for member in one.environment.roster.members.values()
            if member.variant.name == placement.variant.name
        )

    def rooms(self, one: Deployed) -> dict[str, int]:
        """Replicas that could be added now, per variant on a limited pool."""
        return {
            placement.variant.name: self._room(placement.pool, placement.variant.devices_per_replica)
            for placement in one.deployment.placements
            if self.limits[placement.pool] < inf
        }

    def grant(self) -> None:
        """Give every deployment what it wants, as far as devices are free; take what it does not want any more."""
        for one in self._deployed:
            present = _present(one)
            if present == one.wanted:
                continue
            granted = dict(one.wanted)
            for placement in one.deployment.placements:
                name = placement.variant.name
                more = granted[name] - present[name]
                if more > 0 and self.limits[placement.pool] < inf:
                    granted[name] = present[name] + min(more, self._room(placement.pool, placement.variant.devices_per_replica))
            if granted != present:
                one.environment.scale_to(granted)

    def lose_half(self, pool: str) -> None:
        """Lose every second replica on a pool, and half of its devices."""
        self.limits[pool] //= 2
        for one in self._deployed:
            names = {placement.variant.name for placement in one.deployment.placements if placement.pool == pool}
            members = [
                name
                for name, member in one.environment.roster.members.items()
                if member.variant.name in names and member.phase is not Phase.DRAINING
            ]
            one.environment.fail(members[::2])

    def _room(self, pool: str, devices: int) -> int:
        return max(0, int(self.limits[pool] - self.held(pool)) // devices)


def _present(one: Deployed) -> dict[str, int]:
    """Replicas by variant that are not on their way out."""
    present = dict.fromkeys(one.environment.roster.variants, 0)
    for member in one.environment.roster.members.values():
        if member.phase is not Phase.DRAINING:
            present[member.variant.name] += 1
    return present
