"""The replicas of a fleet as the API server shows them: starting, ready or draining, and the devices that they hold.

A scale-down removes replicas that are not ready first, then those with the least load, of equals the youngest, as the
ReplicaSet controller does. This module knows nothing about the requests in a replica.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from random import Random

    from modelmatrix.simulation.cluster.variant import Variant


class Phase(StrEnum):
    """The phase of a replica; a draining one finishes its requests and gets no new ones."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


@dataclass(slots=True)
class SimulatedReplica:
    """A replica that exists; ``ready_seconds`` is the time at which it becomes or became ready."""

    name: str
    variant: Variant
    created_seconds: float
    ready_seconds: float
    phase: Phase = Phase.STARTING


class SimulatedReplicaSet:
    """All replicas of a fleet by name, in order of creation, and the desired number of each variant."""

    __slots__ = (
        "_created",
        "_held_seconds",
        "_random",
        "_starting",
        "desired",
        "replicas",
        "variants",
    )

    def __init__(self, variants: Iterable[Variant], random: Random) -> None:
        self.variants = {variant.name: variant for variant in variants}
        self.replicas: dict[str, SimulatedReplica] = {}
        self.desired = dict.fromkeys(self.variants, 0)
        self._random = random
        self._created = 0
        self._starting: list[tuple[float, str]] = []
        self._held_seconds = dict.fromkeys(self.variants, 0.0)

    def scale_to(
        self, desired: Mapping[str, int], at_seconds: float, load_of: Callable[[SimulatedReplica], float]
    ) -> list[SimulatedReplica]:
        """Create missing replicas and drain surplus ones; returns the ready replicas that drain now.

        Variants that ``desired`` does not name keep their number. Surplus replicas that were starting are removed at once.

        Raises:
            KeyError: ``desired`` names a variant that the fleet does not have.
        """
        draining = []
        for name, number in desired.items():
            self.desired[name] = max(0, number)
            present = [replica for replica in self._active() if replica.variant.name == name]
            for _ in range(self.desired[name] - len(present)):
                self.create(self.variants[name], at_seconds)
            surplus = len(present) - self.desired[name]
            for victim in sorted(present, key=lambda replica: _scale_down_order(replica, load_of))[: max(0, surplus)]:
                if victim.phase is Phase.READY:
                    victim.phase = Phase.DRAINING
                    draining.append(victim)
                else:
                    self.remove(victim, at_seconds)
        return draining

    def _active(self) -> list[SimulatedReplica]:
        return [replica for replica in self.replicas.values() if replica.phase is not Phase.DRAINING]

    def create(self, variant: Variant, at_seconds: float, *, warm: bool = False) -> SimulatedReplica:
        """Start a replica; a ``warm`` one is ready without delay."""
        self._created += 1
        delay = 0.0 if warm else variant.start.sample(self._random)
        replica = SimulatedReplica(f"{variant.name}-{self._created}", variant, at_seconds, at_seconds + delay)
        self.replicas[replica.name] = replica
        heappush(self._starting, (replica.ready_seconds, replica.name))
        return replica

    def next_ready(self, until_seconds: float) -> SimulatedReplica | None:
        """Make the next replica ready whose start-up ends by a time; None if there is none."""
        while self._starting and self._starting[0][0] <= until_seconds:
            replica = self.replicas.get(heappop(self._starting)[1])
            if replica is not None:
                replica.phase = Phase.READY
                return replica
        return None

    def next_ready_seconds(self) -> float | None:
        """The earliest time at which a replica becomes ready; None if no replica is starting."""
        return self._starting[0][0] if self._starting else None

    def remove(self, replica: SimulatedReplica, at_seconds: float) -> None:
        """Remove a replica; it has held its devices until ``at_seconds``."""
        del self.replicas[replica.name]
        self._held_seconds[replica.variant.name] += max(0.0, at_seconds - replica.created_seconds)

    def count_in(self, phase: Phase) -> int:
        """The number of replicas in a phase."""
        return sum(replica.phase is phase for replica in self.replicas.values())

    @property
    def devices(self) -> int:
        """Devices held now, including those of starting and draining replicas."""
        return sum(replica.variant.devices_per_replica for replica in self.replicas.values())

    def held_seconds(self, now_seconds: float) -> dict[str, float]:
        """Replica-seconds from second 0 until now, by variant."""
        held = dict(self._held_seconds)
        for replica in self.replicas.values():
            held[replica.variant.name] += now_seconds - replica.created_seconds
        return held

    def device_seconds(self, now_seconds: float) -> float:
        """Device-seconds from second 0 until now."""
        held = self.held_seconds(now_seconds)
        return sum(seconds * self.variants[name].devices_per_replica for name, seconds in held.items())

    def replica_seconds(self, now_seconds: float) -> float:
        """Replica-seconds of all variants from second 0 until now."""
        return sum(self.held_seconds(now_seconds).values())


def _scale_down_order(replica: SimulatedReplica, load_of: Callable[[SimulatedReplica], float]) -> tuple[bool, float, float]:
    return replica.phase is Phase.READY, load_of(replica), -replica.created_seconds
