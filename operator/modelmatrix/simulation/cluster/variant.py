"""The variants of a fleet: placements of one model with their timing, limits, start-up time and devices. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

    from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming


@dataclass(frozen=True, slots=True)
class StartTime:
    """Seconds from the creation of a replica until it is ready: lognormal around a median, or exact with sigma 0."""

    median_seconds: float
    sigma: float = 0.0

    def sample(self, random: Random) -> float:
        """A random start-up time of one replica, in seconds."""
        return self.median_seconds * exp(random.gauss(0.0, self.sigma)) if self.sigma else self.median_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to run a model; all replicas of a variant are equal.

    ``weight`` is the traffic of a replica relative to a replica of another variant.
    """

    name: str
    timing: EngineTiming
    limits: EngineLimits
    start: StartTime
    devices_per_replica: int = 1
    weight: float = 1.0
