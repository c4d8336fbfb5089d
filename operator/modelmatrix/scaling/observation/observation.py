"""The input and the output of a scaling policy: one deployment at one moment.

All times are model seconds, which run ``timeScale`` times as fast as the clock on the wall. Unknown is ``None``, never 0. Data
only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Protocol, TypeVar

from modelmatrix.api.model_deployment import PlacementPolicy
from modelmatrix.api.reasons import Reason
from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming, SloBounds
from modelmatrix.scaling.observation.replica_bounds import ReplicaBounds


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundAttainment:
    """Requests that were measured against one bound of the SLO, and those within it."""

    requests: float
    within: float

    @property
    def ratio(self) -> float:
        """Share of the requests within the bound, 0 to 1."""
        return self.within / self.requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What the engines of a deployment reported, summed over its replicas.

    ``arrivals_per_second`` is over the last minute, ``arrivals_per_second_long`` over the last three and
    ``arrivals_per_second_fast`` over the last two scrapes, half a minute (``None`` without that query). ``waiting`` and
    ``running`` are requests now. Token counts are means; ``input_tokens`` is 0.0 while no request has finished in ten minutes.
    ``hit_ratio`` is the share of prompt tokens found in the prefix cache. The attainments are over ``observed_seconds``;
    ``None`` if no request was measured against that bound. ``measured`` is the number of ready replicas that the values come
    from; ``None`` if all of them.
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
        """Whether nothing arrives and nothing is in flight."""
        return self.arrivals_per_second_long == 0 and self.arrivals_per_second == 0 and not (self.waiting or self.running)

    @property
    def is_finite(self) -> bool:
        """Whether no value is infinite or not a number."""
        rates = self.arrivals_per_second + self.arrivals_per_second_long + (self.arrivals_per_second_fast or 0.0)
        lengths = self.input_tokens + self.output_tokens + self.hit_ratio
        return isfinite(rates + lengths + self.waiting + self.running + self.kv_usage_ratio)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineReading:
    """The median replica of a pool over the last minute: a few slow or broken replicas do not move it.

    ``step_seconds`` is the mean inter-token latency, ``running`` and ``kv_usage_ratio`` are means over the minute, and
    ``prompt_tokens_per_second`` counts computed prompt tokens, without those found in the prefix cache.
    """

    step_seconds: float
    running: float
    kv_usage_ratio: float
    prompt_tokens_per_second: float

    @property
    def is_finite(self) -> bool:
        """Whether no value is infinite or not a number."""
        return isfinite(self.step_seconds + self.running + self.kv_usage_ratio + self.prompt_tokens_per_second)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One pool that the deployment may use: what a replica there can do and costs, and how many there are.

    ``timing`` and ``start_seconds`` are priors. ``starting_ages_seconds`` are the ages of starting replicas,
    ``observed_starts`` pairs of the second a replica became ready and the duration of its start. ``settled`` of the ready
    replicas have been ready for long enough to be measured; ``None`` if all. ``room`` is the number of replicas that the pool
    could take now. ``cost_per_hour`` is that of one replica, 0 without a price, infinite if it cannot be compared.
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
    observed_starts: tuple[tuple[float, float], ...] = ()
    settled: int | None = None
    site: str = ""
    engine: EngineReading | None = None

    @property
    def replicas(self) -> int:
        """Ready and starting replicas."""
        return self.ready + self.starting

    @property
    def is_changing(self) -> bool:
        """Whether some ready replicas are too young for values over the last minute to include their share."""
        return self.settled is not None and self.settled < self.ready


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One deployment at one moment.

    ``quality`` is ``SignalsFresh`` or ``NoTraffic`` if ``traffic`` can be trusted; else it is the reason why not, and
    ``traffic`` is ``None`` or what some of the replicas reported. ``desired`` is the number decided last, ``bounds`` what the
    spec and its schedule allow now. ``variants`` are in the order of the spec. ``gateway_per_second`` are requests that a
    gateway counts, ``None`` without a gateway.
    """

    second: float
    slo: SloBounds
    bounds: ReplicaBounds
    desired: int
    variants: tuple[Variant, ...]
    quality: Reason
    quality_message: str
    traffic: Traffic | None
    placement: PlacementPolicy = PlacementPolicy.ORDERED
    gateway_per_second: float | None = None

    @property
    def ready(self) -> int:
        """Replicas that serve, over all pools."""
        return sum(variant.ready for variant in self.variants)

    @property
    def starting(self) -> int:
        """Replicas that start, over all pools."""
        return sum(variant.starting for variant in self.variants)

    @property
    def is_measured(self) -> bool:
        """Whether the traffic is fresh and that of all replicas."""
        return self.traffic is not None and self.quality in {Reason.SIGNALS_FRESH, Reason.NO_TRAFFIC}


@dataclass(frozen=True, slots=True)
class Decision:
    """A number of replicas, the reason, a message and the values behind it.

    ``by_pool`` are the replicas that belong on each pool; empty without a preference. ``longest_start_seconds`` is the longest
    start to expect on any pool; ``None`` if the policy does not learn start times.
    """

    replicas: int
    reason: Reason
    message: str
    values: Mapping[str, float] = field(default_factory=dict)
    by_pool: Mapping[str, int] = field(default_factory=dict)
    longest_start_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Arrival rates that Prometheus has stored of a deployment, in equal steps from ``first_second`` on.

    A value is the mean over the step that ends at its time; ``None`` where Prometheus has no samples.
    """

    first_second: float
    step_seconds: float
    arrivals_per_second: tuple[float | None, ...]


State = TypeVar("State")


class Policy(Protocol[State]):
    """Decides about one deployment. Pure: its state is an argument and a result."""

    name: str

    def initial_state(self, second: float) -> State:
        """The state of a deployment without any observation: priors only."""

    def restore_state(self, history: History, second: float) -> State:
        """The state of a deployment after an operator restart, from its recorded history."""

    def decide(self, observation: Observation, state: State) -> tuple[Decision, State]:
        """The decision, and the state for the next one."""
