"""How an autoscaler is made for a deployment, and through what it looks at the world. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmark.scenarios.scenario import Deployment, Scenario
    from modelmatrix.simulation.cluster.policy import Policy


class Sight(StrEnum):
    """What an autoscaler's samples are of."""

    FLEET = "fleet"  # one page per variant: what ``sum by (variant)`` gives of all replicas' pages
    REPLICAS = "replicas"  # one page per replica
    PROXY = "proxy"  # the sum over all replicas as a proxy of its own counts it: no fault of Prometheus concerns it


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One autoscaler in one setting.

    ``setting`` is what a person would have to tune, ``module`` has the code that decides. Periods are whole seconds; one must
    be a multiple of the other. ``rebuild`` gives a new policy what Prometheus remembers: requests that had arrived in all at
    some seconds, and now; who does not ask Prometheus for the past has none.
    """

    family: str
    setting: str
    module: str
    build: Callable[[Scenario, Deployment], Policy]
    period_seconds: int = 15
    scrape_seconds: int = 15
    sight: Sight = Sight.FLEET
    rebuild: Callable[[Any, Sequence[tuple[float, float]], float], None] | None = None

    @property
    def name(self) -> str:
        """Family and setting."""
        return f"{self.family} {self.setting}".strip()

    @property
    def tick_seconds(self) -> int:
        """The step of time that it needs."""
        return min(self.period_seconds, self.scrape_seconds)
