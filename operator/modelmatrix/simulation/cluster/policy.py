"""The interface between the simulated cluster and a scaling policy.

An observation holds only what a real API server and a scraping Prometheus would show, with their delays and gaps. The only
policy here is the one with a fixed number of replicas.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from modelmatrix.simulation.cluster.replica_set import Phase
    from modelmatrix.simulation.engine.samples import EngineSample


@dataclass(frozen=True, slots=True)
class ReplicaView:
    """A replica as the API server shows it; ``ready_seconds`` is None until the replica is ready."""

    name: str
    variant: str
    phase: Phase
    created_seconds: float
    ready_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The cluster as visible at ``second``.

    ``samples`` has the scrapes of each engine, oldest first, including removed engines within Prometheus's retention.
    ``failing`` are engines whose last scrape failed, ``ended`` removed engines whose series Prometheus has ended.
    ``gateway_requests`` are scrapes ``(second, total)`` of a gateway's request counter, if it has one.
    ``free_replicas_by_variant`` is the number of replicas that fit on free devices, for variants with limited devices.
    """

    second: float
    desired: Mapping[str, int]
    replicas: tuple[ReplicaView, ...]
    samples: Mapping[str, Sequence[EngineSample]]
    failing: Collection[str] = ()
    ended: Collection[str] = ()
    gateway_requests: Sequence[tuple[float, float]] = ()
    free_replicas_by_variant: Mapping[str, int] = field(default_factory=dict)


class Policy(Protocol):
    """Decides the desired replicas of each variant."""

    @property
    def name(self) -> str:
        """The name of the policy in reports."""

    def decide(self, observation: Observation) -> Mapping[str, int]:
        """The desired replicas per variant; a variant that is absent keeps its number."""


@dataclass(frozen=True, slots=True)
class StaticPolicy:
    """A fixed number of replicas: the baseline of comparisons."""

    replicas: Mapping[str, int]
    name: str = field(default="static")

    def decide(self, _observation: Observation) -> Mapping[str, int]:
        """The fixed numbers of replicas."""
        return self.replicas
