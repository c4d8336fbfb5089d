"""Pools that are not endless: a policy is told of the room that is left, and gets no more than there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from modelmatrix.simulation.cluster.policy import Observation, Policy


@dataclass(frozen=True, slots=True)
class PoolLimitedPolicy:
    """A policy on pools that hold so many replicas, by variant."""

    policy: Policy
    limits: Mapping[str, int]

    @property
    def name(self) -> str:
        """What reports call it."""
        return self.policy.name

    def decide(self, observation: Observation) -> Mapping[str, int]:
        """The wanted number of replicas per variant, as far as there is room."""
        present = {name: sum(one.variant == name for one in observation.replicas) for name in self.limits}
        rooms = {name: max(0, limit - present[name]) for name, limit in self.limits.items()}
        wanted = self.policy.decide(replace(observation, free_replicas_by_variant=rooms))
        return {name: min(number, self.limits.get(name, number)) for name, number in wanted.items()}
