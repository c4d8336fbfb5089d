"""The replicas of a fleet as the API server knows them: starting, ready, draining, and the devices that they hold.

Scaling down takes replicas that are not ready first and then those with the least load, the youngest of equals, as
Kubernetes does. It must not know what a replica serves.
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
    """What a replica is doing."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


@dataclass(slots=True)
class SimulatedReplica:
    """A replica that exists."""

    name: str
    variant: Variant
    created_seconds: float
    ready_seconds: float
    phase: Phase = Phase.STARTING


class SimulatedReplicaSet:
    """All replicas of a fleet, by name and in order of creation."""

    __slots__ = (
        "_created",
        "_held_seconds",
        "_random",
        "_starting",
        "desired",
        "members",
        "variants",
    )

    def __init__(self, variants: Iterable[Variant], random: Random) -> None:
        self.variants = {variant.name: variant for variant in variants}
        self.members: dict[str, SimulatedReplica] = {}
        self.desired = dict.fromkeys(self.variants, 0)
        self._random = random
        self._created = 0
        self._starting: list[tuple[float, str]] = []
        self._held_seconds = dict.fromkeys(self.variants, 0.0)

    def scale_to(
        self, desired: Mapping[str, int], at_seconds: float, load_of: Callable[[SimulatedReplica], float]
    ) -> list[SimulatedReplica]:
        """Create what is missing and drain what is too much; the members that were ready and drain now.

        Variants that ``desired`` does not name keep their number. Those that were starting are gone at once.

        Raises:
            KeyError: ``desired`` names a variant that the fleet does not have.
        """
        draining = []
        for name, number in desired.items():
            self.desired[name] = max(0, number)
            present = [one for one in self.members.values() if one.variant.name == name and one.phase != Phase.DRAINING]
            for _ in range(self.desired[name] - len(present)):
                self.create(self.variants[name], at_seconds)
            surplus = len(present) - self.desired[name]
            for victim in sorted(present, key=lambda one: _reluctance(one, load_of))[: max(0, surplus)]:
                if victim.phase is Phase.READY:
                    victim.phase = Phase.DRAINING
                    draining.append(victim)
                else:
                    self.remove(victim, at_seconds)
        return draining

    def create(self, variant: Variant, at_seconds: float, *, warm: bool = False) -> SimulatedReplica:
        """Start a replica; a warm one is ready without delay."""
        self._created += 1
        delay = 0.0 if warm else variant.start.sample(self._random)
        member = SimulatedReplica(f"{variant.name}-{self._created}", variant, at_seconds, at_seconds + delay)
        self.members[member.name] = member
        heappush(self._starting, (member.ready_seconds, member.name))
        return member

    def next_ready(self, until_seconds: float) -> SimulatedReplica | None:
        """Make the replica ready that is the next to be so by a time; None if there is none."""
        while self._starting and self._starting[0][0] <= until_seconds:
            member = self.members.get(heappop(self._starting)[1])
            if member is not None:
                member.phase = Phase.READY
                return member
        return None

    def next_ready_seconds(self) -> float | None:
        """When the next replica becomes ready at the earliest; None if none starts."""
        return self._starting[0][0] if self._starting else None

    def remove(self, member: SimulatedReplica, at_seconds: float) -> None:
        """Forget a replica; its devices were held until now."""
        del self.members[member.name]
        self._held_seconds[member.variant.name] += max(0.0, at_seconds - member.created_seconds)

    def number(self, phase: Phase) -> int:
        """Replicas in a phase."""
        return sum(member.phase is phase for member in self.members.values())

    @property
    def devices(self) -> int:
        """Devices held now: starting and draining replicas hold theirs too."""
        return sum(member.variant.devices_per_replica for member in self.members.values())

    def held_seconds(self, now_seconds: float) -> dict[str, float]:
        """Replicas that exist, integrated over time from the beginning until now, by variant."""
        held = dict(self._held_seconds)
        for member in self.members.values():
            held[member.variant.name] += now_seconds - member.created_seconds
        return held

    def device_seconds(self, now_seconds: float) -> float:
        """Devices held, integrated over time from the beginning until now."""
        held = self.held_seconds(now_seconds)
        return sum(seconds * self.variants[name].devices_per_replica for name, seconds in held.items())

    def replica_seconds(self, now_seconds: float) -> float:
        """Replicas that exist, integrated over time from the beginning until now."""
        return sum(self.held_seconds(now_seconds).values())


def _reluctance(member: SimulatedReplica, load_of: Callable[[SimulatedReplica], float]) -> tuple[bool, float, float]:
    return member.phase is Phase.READY, load_of(member), -member.created_seconds
