"""The configuration of an autoscaler: how it is built for a deployment, and which samples it gets. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmark.scenarios.scenario import Deployment, Scenario
    from modelmatrix.simulation.cluster.policy import Policy


class SampleScope(StrEnum):
    """The scope of the samples that an autoscaler gets."""

    FLEET = "fleet"  # one page per variant, like ``sum by (variant)`` over all replicas
    REPLICAS = "replicas"  # one page per replica
    PROXY = "proxy"  # the sum over all replicas as counted by the autoscaler's own proxy, without faults of Prometheus


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One autoscaler with one setting.

    ``setting`` is the value that an owner would have to tune; ``module`` contains the code that decides. Periods are whole
    seconds, one a multiple of the other. ``restore`` gives a restarted policy the history in Prometheus: total arrivals at
    some past seconds, and the present second; autoscalers that do not query history have no ``restore``.
    """

    family: str
    setting: str
    module: str
    build: Callable[[Scenario, Deployment], Policy]
    period_seconds: int = 15
    scrape_seconds: int = 15
    sample_scope: SampleScope = SampleScope.FLEET
    restore: Callable[[Any, Sequence[tuple[float, float]], float], None] | None = None

    @property
    def name(self) -> str:
        """Family and setting."""
        return f"{self.family} {self.setting}".strip()

    @property
    def tick_seconds(self) -> int:
        """The time step of the simulation that this autoscaler needs."""
        return min(self.period_seconds, self.scrape_seconds)
