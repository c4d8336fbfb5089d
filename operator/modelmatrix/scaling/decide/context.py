"""One observation, the state updated with it, and the capacity of the pools: what every decision step reads. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from modelmatrix.scaling.decide.capacity_need import CapacityNeed, capacity_need, most_per_second
from modelmatrix.scaling.decide.pool_candidates import PoolCandidates, rank_pools
from modelmatrix.scaling.estimate.request_work import lengths_of
from modelmatrix.scaling.observation.observation import Observation, Traffic
from modelmatrix.scaling.state.state import PolicyState, ScaleDownState
from modelmatrix.scaling.state.update import is_steady, update_demand, update_pool

MINUTE_SECONDS = 60.0
# A rate from Prometheus is as old as the middle of its window, and a decision takes a cycle to become pods.
LAG_SECONDS = 30.0
# A proposal is limited to this many times the ready replicas, or a minimum of them: a higher one may be a wrong sample.
MAX_GROWTH = 4.0
MIN_GROWTH_BASE = 4


@dataclass(frozen=True, slots=True)
class PolicyContext:
    """An observation, the state updated with it, and the pools. ``traffic`` is ``None`` if it cannot be trusted."""

    observation: Observation
    traffic: Traffic | None
    state: PolicyState
    pools: PoolCandidates

    @property
    def horizon_seconds(self) -> float:
        """How far ahead to forecast: until a replica that is started now serves."""
        return self.pools.preferred.start_seconds + LAG_SECONDS

    @property
    def current_replicas(self) -> float:
        """Replicas desired or serving and starting, whichever is more, as a number of the reference pool's replicas."""
        return max(float(self.observation.desired), self.pools.coming_per_second / self.pools.reference_pool.per_second)

    @property
    def max_step_replicas(self) -> float:
        """The most replicas of the reference pool to propose before more of them serve."""
        return max(self.current_replicas, MAX_GROWTH * max(self.observation.ready, MIN_GROWTH_BASE))

    @property
    def gateway_per_second(self) -> float:
        """Requests per second that a gateway counts; 0.0 without a gateway."""
        rate = self.observation.gateway_per_second
        return rate if rate is not None and isfinite(rate) else 0.0

    def capacity_need(self, rate_per_second: float, deviation: float = 0.0) -> CapacityNeed:
        """Replicas of the reference pool for a rate."""
        return capacity_need(rate_per_second, deviation, self.pools.reference_pool, self.state, self.observation.slo)

    def most_per_second(self, rate_per_second: float, deviation: float) -> float:
        """Requests per second that the replicas for a rate serve with the largest margin."""
        return most_per_second(rate_per_second, deviation, self.pools.reference_pool, self.state, self.observation.slo)

    @property
    def longest_start_seconds(self) -> float:
        """The longest start to expect on any pool, in seconds."""
        return max(
            self.state.pools[variant.pool].startup_times.longest_seconds(variant.start_seconds)
            for variant in self.observation.variants
        )

    def next_state(self, scale_down: ScaleDownState, replicas: int) -> PolicyState:
        """The state after a decision for ``replicas``."""
        before, observation = self.state, self.observation
        fast = None if self.traffic is None else self.traffic.arrivals_per_second_fast
        if replicas < observation.desired:
            scale_down = ScaleDownState(scale_down.recommendations, observation.second, scale_down.last_busy_second)
        return PolicyState(
            samples_seen=before.samples_seen,
            lengths=before.lengths,
            pools=before.pools,
            demand=before.demand,
            margin=before.margin,
            scale_down=scale_down,
            minute_updated_at_second=before.minute_updated_at_second,
            previous_fast_per_second=before.previous_fast_per_second if fast is None else fast,
        )


def build_context(observation: Observation, before: PolicyState) -> PolicyContext | None:
    """The context of an observation; ``None`` if no pool can serve a single request."""
    traffic = _trusted(observation)
    second = observation.second
    is_minute = second >= before.minute_updated_at_second + MINUTE_SECONDS
    lengths = before.lengths if traffic is None or not traffic.input_tokens else lengths_of(traffic, observation.variants)
    learns_timing = is_minute and traffic is not None and is_steady(traffic)
    estimates = {
        variant.pool: update_pool(
            before.pools.get(variant.pool), variant, lengths, observation.slo, second, learns_timing=learns_timing
        )
        for variant in observation.variants
    }
    pools = rank_pools(observation, estimates)
    if pools is None:
        return None
    demand = before.demand
    if traffic is not None:
        horizon = pools.preferred.start_seconds + LAG_SECONDS
        work_seconds = 1.0 / pools.reference_pool.per_second if is_minute else None
        demand = update_demand(demand, traffic, second, horizon, work_seconds)
    state = PolicyState(
        samples_seen=before.samples_seen + 1,
        lengths=lengths,
        pools=estimates,
        demand=demand,
        margin=before.margin,
        scale_down=before.scale_down,
        minute_updated_at_second=second if is_minute else before.minute_updated_at_second,
        previous_fast_per_second=before.previous_fast_per_second,
    )
    return PolicyContext(observation, traffic, state, pools)


def _trusted(observation: Observation) -> Traffic | None:
    """The traffic of all replicas, if it is fresh and finite."""
    traffic = observation.traffic
    return traffic if traffic is not None and observation.is_measured and traffic.is_finite else None
