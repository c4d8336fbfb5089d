"""The types of a scenario: deployments with their arrivals and SLOs, pools of devices, and faults. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from modelmatrix.performance.engine_timing import EngineTiming, SloBounds, TokenLengths
    from modelmatrix.simulation.cluster.variant import Variant
    from modelmatrix.simulation.engine.request import Request

HOUR_SECONDS = 3600
DAY_SECONDS = 24 * HOUR_SECONDS


class Mode(StrEnum):
    """The simulation of a scenario: request by request, or as a fluid."""

    FLUID = "fluid"
    REQUEST = "request"


class Arrivals(Protocol):
    """Arrivals over time; deterministic for a seed."""

    def __hash__(self) -> int:
        """Workloads are values and keys of caches."""

    def per_second(self, seed: int) -> np.ndarray:
        """The number of requests that arrive in each second."""

    def requests(self, seed: int) -> Iterator[Request]:
        """The same arrivals as single requests, in order of arrival."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A variant on a pool; ``prior`` is the estimate of its timing before measurements."""

    variant: Variant
    pool: str
    prior: EngineTiming


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Devices that deployments share; ``devices`` is ``None`` for an unlimited pool.

    ``price`` is per device-hour, relative to the other pools.
    """

    name: str
    devices: int | None = None
    price: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A served model: its arrivals, its SLO, and its placements, the preferred one first.

    ``lengths`` are the mean token lengths for the fluid and for peers that need a concurrency. ``priority`` 0 is the highest.
    ``home`` is the variant that an owner would choose for an autoscaler that knows only one; by default the first.
    """

    name: str
    arrivals: Arrivals
    lengths: TokenLengths
    slo: SloBounds
    placements: tuple[Placement, ...]
    min_replicas: int = 1
    max_replicas: int = 64
    priority: int = 0
    home: str = ""

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The variants of all placements."""
        return tuple(placement.variant for placement in self.placements)

    @property
    def home_variant(self) -> Variant:
        """The variant for autoscalers that can use only one."""
        return next((variant for variant in self.variants if variant.name == self.home), self.variants[0])

    def capacity_per_second(self, variant: Variant) -> float:
        """Requests per second that a replica serves within the SLO; 0.0 if it cannot."""
        return variant.timing.capacity(self.slo, self.lengths, variant.limits).requests_per_second

    def concurrency(self, variant: Variant) -> float:
        """The number of requests that run in a replica at its capacity."""
        return variant.timing.running(self.capacity_per_second(variant), self.lengths)


class ScenarioFault(StrEnum):
    """The kind of a fault."""

    METRICS_LOST = "metrics-lost"  # every scrape fails
    METRICS_FROZEN = "metrics-frozen"  # pages do not change
    METRICS_NAN = "metrics-nan"  # gauges are NaN
    COUNTERS_RESET = "counters-reset"  # every engine's counters restart at zero
    POOL_HALVED = "pool-halved"  # half of a pool's devices fail with the replicas on them
    QUOTA_FROZEN = "quota-frozen"  # no more devices can be allocated
    REPLICA_SLOW = "replica-slow"  # one replica's steps take twice as long
    SCALER_RESTARTED = "scaler-restarted"  # the autoscaler loses its state


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault that begins at a second and ends after its duration."""

    kind: ScenarioFault
    start_second: int
    duration_seconds: int = 600
    pool: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Deployments on pools, with faults.

    A scenario with ``train_seconds`` is tuned on its beginning and scored on the rest; one without is tuned on other seeds.
    A scenario without ``is_tuned`` is left out of tuning: it is a variation of another one.
    ``is_flash`` marks bursts that no policy can serve without waste; tuning leaves them out too.
    """

    id: str
    title: str
    seconds: int
    deployments: tuple[Deployment, ...]
    mode: Mode = Mode.FLUID
    pools: tuple[Pool, ...] = (Pool(name="devices"),)
    faults: tuple[Fault, ...] = field(default=())
    train_seconds: int = 0
    is_flash: bool = False
    is_fault: bool = False
    is_tuned: bool = True

    @property
    def training(self) -> Scenario:
        """The part for tuning."""
        return replace(self, seconds=self.train_seconds, train_seconds=0) if self.train_seconds else self

    @property
    def prices(self) -> dict[str, float]:
        """The price of a device-hour by pool."""
        return {pool.name: pool.price for pool in self.pools}
