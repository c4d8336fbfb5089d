"""Devices of the pools, shared by deployments: the most important deployment gets free devices first."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from modelmatrix.simulation.cluster.replica_set import Phase

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmark.environment.simulated_deployment import Deployed
    from benchmark.scenarios.scenario import Scenario


class Pools:
    """The devices of each pool now, and the deployments that hold them."""

    def __init__(self, scenario: Scenario, deployed: Iterable[Deployed]) -> None:
        self.limits = {pool.name: inf if pool.devices is None else pool.devices for pool in scenario.pools}
        self._deployed = sorted(deployed, key=lambda one: one.deployment.priority)

    def held(self, pool: str) -> int:
        """Devices that replicas hold, those that start or drain included."""
        devices = 0
        for one in self._deployed:
            for placement in one.deployment.placements:
                if placement.pool == pool:
                    name = placement.variant.name
                    devices += placement.variant.devices_per_replica * sum(view.variant == name for view in one.replicas)
        return devices

    def rooms(self, one: Deployed) -> dict[str, int]:
        """Replicas that could be added now, per variant on a limited pool."""
        return {
            placement.variant.name: self._room(placement.pool, placement.variant.devices_per_replica)
            for placement in one.deployment.placements
            if self.limits[placement.pool] < inf
        }

    def grant(self) -> None:
        """Set the desired numbers of every deployment, additions limited to the free devices of their pools."""
        for one in self._deployed:
            present = one.present
            if present == one.desired:
                continue
            granted = dict(one.desired)
            for placement in one.deployment.placements:
                name = placement.variant.name
                more = granted[name] - present[name]
                if more > 0 and self.limits[placement.pool] < inf:
                    granted[name] = present[name] + min(more, self._room(placement.pool, placement.variant.devices_per_replica))
            if granted != present:
                one.order(granted)

    def lose_half(self, pool: str) -> None:
        """Lose every second replica on a pool, and half of its devices."""
        self.limits[pool] //= 2
        for one in self._deployed:
            names = {placement.variant.name for placement in one.deployment.placements if placement.pool == pool}
            there = [view.name for view in one.replicas if view.variant in names and view.phase is not Phase.DRAINING]
            one.lose(there[::2])

    def _room(self, pool: str, devices: int) -> int:
        return max(0, int(self.limits[pool] - self.held(pool)) // devices)
