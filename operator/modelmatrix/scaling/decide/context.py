"""One look at a deployment, learned from: what is seen, what is known, and what the pools can do. Pure."""

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
# A rate in Prometheus is as old as the middle of its window, and a decision takes a cycle to arrive.
LAG_SECONDS = 30.0
# At most so many times as many replicas as are ready, or as so few would be: what asks for more may be a bad figure.
LARGEST_GROWTH = 4.0
FEW = 4


@dataclass(frozen=True, slots=True)
class PolicyContext:
    """An observation with what is known about it, that look included; ``traffic`` is there if it can be trusted."""

    observation: Observation
    traffic: Traffic | None
    memory: PolicyState
    fleet: PoolCandidates

    @property
    def horizon_seconds(self) -> float:
        """How far ahead a decision must look: a replica that is started now serves then."""
        return self.fleet.preferred.start_seconds + LAG_SECONDS

    @property
    def current_replicas(self) -> float:
        """What is wanted today and what there is, in replicas of the first pool."""
        return max(float(self.observation.desired), self.fleet.coming_per_second / self.fleet.reference_pool.per_second)

    @property
    def max_step_replicas(self) -> float:
        """The most replicas of the first pool that may be asked for before some of them serve."""
        return max(self.current_replicas, LARGEST_GROWTH * max(self.observation.ready, FEW))

    @property
    def gateway_per_second(self) -> float:
        """Requests that a gateway counts; 0.0 where none counts."""
        rate = self.observation.gateway_per_second
        return rate if rate is not None and isfinite(rate) else 0.0

    def capacity_need(self, rate_per_second: float, deviation: float = 0.0) -> CapacityNeed:
        """Replicas that a rate takes."""
        return capacity_need(rate_per_second, deviation, self.fleet.reference_pool, self.memory, self.observation.slo)

    def most_per_second(self, rate_per_second: float, deviation: float) -> float:
        """What replicas would serve that were started for a rate with the largest margin."""
        return most_per_second(rate_per_second, deviation, self.fleet.reference_pool, self.memory, self.observation.slo)

    def next_state(self, shrinking: ScaleDownState, replicas: int) -> PolicyState:
        """The memory after a decision for so many replicas."""
        before, seen = self.memory, self.observation
        fast = None if self.traffic is None else self.traffic.arrivals_per_second_fast
        if replicas < seen.desired:
            shrinking = ScaleDownState(shrinking.recommended, seen.second, shrinking.busy_second)
        return PolicyState(
            looks=before.looks,
            lengths=before.lengths,
            pools=before.pools,
            demand=before.demand,
            margin=before.margin,
            shrinking=shrinking,
            minute_second=before.minute_second,
            fast_per_second=before.fast_per_second if fast is None else fast,
        )


def build_context(observation: Observation, memory: PolicyState) -> PolicyContext | None:
    """What is known after a look; ``None`` where no pool can serve a single request."""
    traffic = _trusted(observation)
    is_minute = observation.second >= memory.minute_second + MINUTE_SECONDS
    lengths = memory.lengths if traffic is None or not traffic.input_tokens else lengths_of(traffic, observation.variants)
    slo, second = observation.slo, observation.second
    reads = is_minute and traffic is not None and is_steady(traffic)
    pools = {
        variant.pool: update_pool(memory.pools.get(variant.pool), variant, lengths, slo, second, reads=reads)
        for variant in observation.variants
    }
    fleet = rank_pools(observation, pools)
    if fleet is None:
        return None
    demand = memory.demand
    if traffic is not None:
        horizon = fleet.preferred.start_seconds + LAG_SECONDS
        work_seconds = 1.0 / fleet.reference_pool.per_second if is_minute else None
        demand = update_demand(demand, traffic, observation.second, horizon, work_seconds)
    known = PolicyState(
        looks=memory.looks + 1,
        lengths=lengths,
        pools=pools,
        demand=demand,
        margin=memory.margin,
        shrinking=memory.shrinking,
        minute_second=observation.second if is_minute else memory.minute_second,
        fast_per_second=memory.fast_per_second,
    )
    return PolicyContext(observation, traffic, known, fleet)


def _trusted(observation: Observation) -> Traffic | None:
    """The traffic of all replicas, if it is known and made of numbers."""
    traffic = observation.traffic
    return traffic if traffic is not None and observation.is_measured and traffic.is_finite else None
