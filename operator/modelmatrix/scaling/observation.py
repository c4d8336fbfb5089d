"""What a scaling policy sees and says: one deployment at one moment. All times are model seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from modelmatrix.api.reasons import Reason
from modelmatrix.performance.timing import EngineLimits, EngineTiming, SloBounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
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

    ``arrivals_per_second`` is over the last minute, ``arrivals_per_second_long`` over the last three. ``waiting`` and
    ``running`` are requests now. Token counts are means. Shares are over ``observed_seconds``; ``None`` when nothing was
    measured against that bound.
    """

    arrivals_per_second: float
    arrivals_per_second_long: float
    waiting: float
    running: float
    input_tokens: float
    output_tokens: float
    kv_usage_ratio: float
    observed_seconds: float
    ttft: Share | None = None
    tpot: Share | None = None
    e2e: Share | None = None

    @property
    def is_idle(self) -> bool:
        """Whether it is proven that nothing arrives and nothing is in flight."""
        return self.arrivals_per_second_long == 0 and self.arrivals_per_second == 0 and not (self.waiting or self.running)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One pool that the deployment may use: what a replica there can do and costs, and how many there are.

    ``room`` is the number of replicas that could be added now.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One deployment at one moment.

    ``quality`` is ``SignalsFresh`` or ``NoTraffic`` when ``traffic`` can be trusted; else ``traffic`` is ``None`` and it
    says why. ``desired`` is the number that is wanted today, ``floor`` the highest open schedule floor.
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

    @property
    def ready(self) -> int:
        """Replicas that serve."""
        return sum(variant.ready for variant in self.variants)

    @property
    def starting(self) -> int:
        """Replicas that will serve."""
        return sum(variant.starting for variant in self.variants)


@dataclass(frozen=True, slots=True)
class Decision:
    """A number of replicas, why, and the figures behind it."""

    replicas: int
    reason: Reason
    message: str
    figures: Mapping[str, float] = field(default_factory=dict)


Memory = TypeVar("Memory")


class Policy(Protocol[Memory]):
    """Decides about one deployment. Pure: what it remembers goes in and comes out."""

    name: str

    def recall(self, second: float) -> Memory:
        """The memory of a deployment that was never seen: priors only."""

    def decide(self, observation: Observation, memory: Memory) -> tuple[Decision, Memory]:
        """The wanted number of replicas, and what to remember."""
