"""What a scaling policy sees and says: one deployment at one moment. All times are model seconds. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Protocol, TypeVar

from modelmatrix.api.model_deployment import PlacementPolicy
from modelmatrix.api.reasons import Reason
from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming, SloBounds


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundAttainment:
    """Requests that were measured against one bound, and those that kept it."""

    requests: float
    within: float

    @property
    def ratio(self) -> float:
        """Share of the requests within the bound."""
        return self.within / self.requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What the engines of a deployment reported, summed over its replicas.

    ``arrivals_per_second`` is over the last minute, ``arrivals_per_second_long`` over the last three and
    ``arrivals_per_second_fast`` over the last two scrapes, half a minute (``None`` when nobody asked). ``waiting`` and
    ``running`` are requests now. Token counts are means, ``input_tokens`` is 0.0 while no request has finished lately;
    ``hit_ratio`` is the share of prompt tokens found in the prefix cache. Shares are over ``observed_seconds``; ``None`` when
    nothing was measured against that bound. ``measured`` is the number of ready replicas behind the figures; ``None`` when it
    is all of them.
    """

    arrivals_per_second: float
    arrivals_per_second_long: float
    waiting: float
    running: float
    input_tokens: float
    output_tokens: float
    kv_usage_ratio: float
    observed_seconds: float
    arrivals_per_second_fast: float | None = None
    hit_ratio: float = 0.0
    ttft: BoundAttainment | None = None
    tpot: BoundAttainment | None = None
    e2e: BoundAttainment | None = None
    measured: int | None = None

    @property
    def is_idle(self) -> bool:
        """Whether it is proven that nothing arrives and nothing is in flight."""
        return self.arrivals_per_second_long == 0 and self.arrivals_per_second == 0 and not (self.waiting or self.running)

    @property
    def is_finite(self) -> bool:
        """Whether all figures are numbers that can be reckoned with."""
        rates = self.arrivals_per_second + self.arrivals_per_second_long + (self.arrivals_per_second_fast or 0.0)
        lengths = self.input_tokens + self.output_tokens + self.hit_ratio
        return isfinite(rates + lengths + self.waiting + self.running + self.kv_usage_ratio)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineReading:
    """The middle replica of a pool over the last minute: a few slow or broken replicas do not move it.

    ``step_seconds`` is the mean inter-token latency, ``running`` and ``kv_usage_ratio`` are means over the minute, and
    ``prompt_tokens_per_second`` are the prompt tokens that were computed (those from the prefix cache are not).
    """

    step_seconds: float
    running: float
    kv_usage_ratio: float
    prompt_tokens_per_second: float

    @property
    def is_finite(self) -> bool:
        """Whether all figures are numbers that can be reckoned with."""
        return isfinite(self.step_seconds + self.running + self.kv_usage_ratio + self.prompt_tokens_per_second)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One pool that the deployment may use: what a replica there can do and costs, and how many there are.

    ``timing`` and ``start_seconds`` are priors. ``starting_ages_seconds`` are the ages of the replicas that start,
    ``starts_seen`` pairs of when a replica became ready and how long that took. ``settled`` of the ready replicas have
    been so long enough to be measured. ``room`` is the number of replicas that could be added now.
    """

    pool: str
    timing: EngineTiming
    limits: EngineLimits
    start_seconds: float
    cost_per_hour: float
    devices: int
    ready: int
    starting: int
    room: int
    starting_ages_seconds: tuple[float, ...] = ()
    starts_seen: tuple[tuple[float, float], ...] = ()
    settled: int | None = None
    site: str = ""
    engine: EngineReading | None = None

    @property
    def replicas(self) -> int:
        """Replicas that serve or will."""
        return self.ready + self.starting

    @property
    def is_changing(self) -> bool:
        """Whether some of the ready replicas are so young that figures of the last minute do not show their share."""
        return self.settled is not None and self.settled < self.ready


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFloorWindow:
    """A stretch of time for which a schedule asks for replicas, ready when it starts.

    Without ``lead_seconds`` they are started as long before as starts take.
    """

    start_second: float
    end_second: float
    replicas: int
    lead_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One deployment at one moment.

    ``quality`` is ``SignalsFresh`` or ``NoTraffic`` when ``traffic`` can be trusted; else it says why not, and ``traffic``
    is ``None`` or only what some of the replicas reported. ``desired`` is the number that is wanted today, ``floor`` the
    highest open schedule floor, ``windows`` all windows that are open or start soon. ``variants`` are in the order of the
    spec. ``gateway_per_second`` are requests that a gateway counts, ``None`` without one.
    """

    second: float
    slo: SloBounds
    min_replicas: int
    max_replicas: int
    floor: int
    desired: int
    variants: tuple[Variant, ...]
    quality: Reason
    quality_message: str
    traffic: Traffic | None
    windows: tuple[ScheduleFloorWindow, ...] = ()
    placement: PlacementPolicy = PlacementPolicy.ORDERED
    gateway_per_second: float | None = None

    @property
    def ready(self) -> int:
        """Replicas that serve."""
        return sum(variant.ready for variant in self.variants)

    @property
    def starting(self) -> int:
        """Replicas that will serve."""
        return sum(variant.starting for variant in self.variants)

    @property
    def is_measured(self) -> bool:
        """Whether the traffic is that of all replicas, and fresh."""
        return self.traffic is not None and self.quality in {Reason.SIGNALS_FRESH, Reason.NO_TRAFFIC}


@dataclass(frozen=True, slots=True)
class Decision:
    """A number of replicas, why, and the figures behind it; ``by_pool`` says where they belong."""

    replicas: int
    reason: Reason
    message: str
    figures: Mapping[str, float] = field(default_factory=dict)
    by_pool: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What Prometheus remembers of a deployment, in equal steps from ``first_second`` on; ``None`` where it knows nothing.

    A value at a time is over the step that ends there.
    """

    first_second: float
    step_seconds: float
    arrivals_per_second: tuple[float | None, ...]


Memory = TypeVar("Memory")


class Policy(Protocol[Memory]):
    """Decides about one deployment. Pure: what it remembers goes in and comes out."""

    name: str

    def initial_state(self, second: float) -> Memory:
        """The memory of a deployment that was never seen: priors only."""

    def restore_state(self, history: History, second: float) -> Memory:
        """The memory of a deployment from what Prometheus knows of it."""

    def decide(self, observation: Observation, memory: Memory) -> tuple[Decision, Memory]:
        """The wanted number of replicas, and what to remember."""
