"""What a scaling policy sees and says: the boundary between a simulated cluster and the code that decides.

An observation holds only what a real API server and a scraping Prometheus would give, as late and as incomplete as they
would. No policy lives here but the trivial one that holds a number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelmatrix.simulation.cluster.replica_set import Phase
    from modelmatrix.simulation.engine.samples import EngineSample


@dataclass(frozen=True, slots=True)
class ReplicaView:
    """A replica as the API server shows it; ``ready_seconds`` is None until it is ready."""

    name: str
    variant: str
    phase: Phase
    created_seconds: float
    ready_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The cluster as it can be seen at ``second``.

    ``samples`` has the scrapes of each engine, oldest first, also those of engines that are gone, as long as Prometheus
    keeps them. ``gateway_requests`` are scrapes ``(second, total)`` of a gateway's request counter, if there is one.
    ``rooms`` is how many replicas could be added now, per variant whose devices are limited.
    """

    second: float
    desired: Mapping[str, int]
    replicas: tuple[ReplicaView, ...]
    samples: Mapping[str, Sequence[EngineSample]]
    gateway_requests: Sequence[tuple[float, float]] = ()
    rooms: Mapping[str, int] = field(default_factory=dict)


class Policy(Protocol):
    """Decides how many replicas of each variant there should be."""

    @property
    def name(self) -> str:
        """What reports call it."""

    def decide(self, observation: Observation) -> Mapping[str, int]:
        """The wanted number of replicas per variant; a variant that is not named keeps its number."""


@dataclass(frozen=True, slots=True)
class StaticPolicy:
    """The same number always: the baseline that everything else is compared with."""

    replicas: Mapping[str, int]
    name: str = field(default="static")

    def decide(self, _observation: Observation) -> Mapping[str, int]:
        """The fixed numbers."""
        return self.replicas
