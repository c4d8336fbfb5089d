"""What a scenario is: deployments with their arrivals and SLOs, pools of devices, and what goes wrong when. Data only."""

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
    """How the world is simulated."""

    FLUID = "fluid"
    REQUEST = "request"


class Arrivals(Protocol):
    """A workload over time; the same seed gives the same arrivals."""

    def __hash__(self) -> int:
        """Workloads are values: what they give is kept by them."""

    def per_second(self, seed: int) -> np.ndarray:
        """Requests that arrive in each second."""

    def requests(self, seed: int) -> Iterator[Request]:
        """The same, one by one in order of arrival."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A variant on the pool whose devices it takes; ``prior`` is what its timing is thought to be before it is measured."""

    variant: Variant
    pool: str
    prior: EngineTiming


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Devices that deployments share; ``devices`` is ``None`` where there are always enough.

    ``price`` is per device and hour, relative to that of the other pools.
    """

    name: str
    devices: int | None = None
    price: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A model that is served: what arrives, what is promised, what it may run on, the preferred placement first.

    ``lengths`` are the means that the fluid mode and peers that need a concurrency work with. ``priority`` 0 comes first.
    ``home`` is the variant that its owner would choose for an autoscaler that knows only one: the first unless it says else.
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
        """The variants of its placements."""
        return tuple(placement.variant for placement in self.placements)

    @property
    def home_variant(self) -> Variant:
        """The variant for who can use only one."""
        return next((variant for variant in self.variants if variant.name == self.home), self.variants[0])

    def capacity_per_second(self, variant: Variant) -> float:
        """Requests per second that a replica serves within the SLO; 0.0 if it cannot."""
        return variant.timing.capacity(self.slo, self.lengths, variant.limits).requests_per_second

    def concurrency(self, variant: Variant) -> float:
        """Requests that run in a replica at its capacity."""
        return variant.timing.running(self.capacity_per_second(variant), self.lengths)


class Trouble(StrEnum):
    """What goes wrong."""

    METRICS_LOST = "metrics-lost"  # no scrape succeeds
    METRICS_FROZEN = "metrics-frozen"  # pages no longer change
    METRICS_NAN = "metrics-nan"  # gauges are not a number
    COUNTERS_RESET = "counters-reset"  # every engine's counters start again at zero
    POOL_HALVED = "pool-halved"  # half of a pool's devices are gone, and the replicas on them
    QUOTA_FROZEN = "quota-frozen"  # no device can be added to those in use
    REPLICA_SLOW = "replica-slow"  # one replica's steps take twice as long
    SCALER_RESTARTED = "scaler-restarted"  # the autoscaler forgets what it remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something goes wrong at a second, and is right again later."""

    trouble: Trouble
    start_second: int
    duration_seconds: int = 600
    pool: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Deployments in a world.

    A scenario with ``train_seconds`` is tuned on its beginning and scored on the rest; one without is tuned on other seeds.
    One that is not ``is_tuned`` takes no part in tuning: it is another one with something else changed.
    ``is_flash`` marks bursts that no policy can serve without waste: tuning leaves them out.
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
        """The part that is tuned on."""
        return replace(self, seconds=self.train_seconds, train_seconds=0) if self.train_seconds else self

    @property
    def prices(self) -> dict[str, float]:
        """Price of a device by pool."""
        return {pool.name: pool.price for pool in self.pools}
