"""Replicas for the load: the largest of three needs.

- now: the arrivals of the last minute;
- forecast: the arrivals, and the work of a request, at the horizon, when a replica that is started now serves;
- burst: when the last two scrapes or the queue exceed what the ready replicas serve, the capacity to get out of it. The fast
  rate with half of its last growth and 5 % of head room, plus the queue served within the time that replicas take to start.
  A queue counts as a burst if serving it takes more than 40 % of the time that a request may wait. Compare the panic mode of
  Knative's autoscaler, which has a burst window of six seconds.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelmatrix.performance.engine_timing import SloBounds
from modelmatrix.scaling.decide.capacity_need import CapacityNeed
from modelmatrix.scaling.decide.context import PolicyContext
from modelmatrix.scaling.decide.pool_candidates import PoolCandidates
from modelmatrix.scaling.observation.observation import Traffic

# The share of a request's time that it may wait: the rest is needed to serve it.
WAIT_SHARE = 0.4
# The wait where no bound limits it.
DEFAULT_WAIT_SECONDS = 5.0
HEAD_ROOM = 1.05
# Half of a growth is expected to continue.
MOMENTUM = 0.5
# The queue is served within the time that replicas take to start, but not faster than in a minute.
BACKLOG_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class LoadNeed:
    """Replicas of the reference pool for the load, fractions included, with the message and the values behind it."""

    replicas: float
    message: str
    values: Mapping[str, float]


def load_need(context: PolicyContext, traffic: Traffic) -> LoadNeed:
    """The largest of the needs now, at the horizon and in a burst."""
    minute = traffic.arrivals_per_second * _unmeasured_factor(context, traffic)
    horizon = context.horizon_seconds
    demand = context.state.demand
    forecast = demand.forecast.predict(minute=minute, long=traffic.arrivals_per_second_long, horizon_seconds=horizon)
    expected = demand.work.growth(horizon) * forecast.rate_per_second
    need, when = context.capacity_need(expected, forecast.deviation), f"forecast in {horizon:.0f} s"
    # The need of an uncertain higher rate includes that of a certain lower one.
    present = context.capacity_need(minute) if minute > expected else need
    if present.replicas > need.replicas:
        need, when = present, "now"
    burst = _burst_replicas(context, traffic)
    values = {
        "arrivalsPerSecond": minute,
        "forecastPerSecond": expected,
        "horizonSeconds": horizon,
        "capacityPerSecond": context.pools.reference_pool.per_second,
        "margin": need.margin,
        "waiting": traffic.waiting,
    }
    if burst > need.replicas:
        queue = f"burst of {_fast(traffic):.3g} requests/s with {traffic.waiting:.0f} in the queue"
        return LoadNeed(burst, f"{queue}, {_capacity_message(context.pools)}", values)
    return LoadNeed(need.replicas, _message(need, when, context.pools), values)


def burst_capacity(
    *, fast: float, before: float, waiting: float, served_per_second: float, start_seconds: float, slo: SloBounds
) -> float:
    """Requests per second to serve to get out of a burst; 0.0 without a burst.

    Args:
        fast: arrivals per second over the last two scrapes.
        before: the same in the previous observation.
        waiting: requests in the engines' queues.
        served_per_second: requests per second that the ready replicas serve within the SLO.
        start_seconds: how long a replica takes to start.
        slo: bounds of the latency.
    """
    patience = WAIT_SHARE * (slo.ttft_seconds or slo.e2e_seconds or DEFAULT_WAIT_SECONDS)
    if fast <= served_per_second and waiting <= patience * served_per_second:
        return 0.0
    growing = HEAD_ROOM * (fast + MOMENTUM * max(0.0, fast - before))
    return growing + waiting / max(BACKLOG_SECONDS, start_seconds)


def _message(need: CapacityNeed, when: str, pools: PoolCandidates) -> str:
    return f"{need.rate_per_second:.3g} requests/s {when}, {_capacity_message(pools)}, margin {100.0 * need.margin:.0f} %"


def _capacity_message(pools: PoolCandidates) -> str:
    within = "within the SLO" if pools.meets_slo else "and misses the SLO even without load"
    return f"a replica serves {pools.reference_pool.per_second:.3g} {within}"


def _unmeasured_factor(context: PolicyContext, traffic: Traffic) -> float:
    """The factor on arrivals while young replicas already serve a share that is not measured yet."""
    ready = context.observation.ready
    measured = ready if traffic.measured is None else traffic.measured
    return ready / measured if 0 < measured < ready else 1.0


def _fast(traffic: Traffic) -> float:
    fast = traffic.arrivals_per_second_fast
    return traffic.arrivals_per_second if fast is None else fast


def _burst_replicas(context: PolicyContext, traffic: Traffic) -> float:
    """Replicas of the reference pool to get out of a burst; 0.0 without a burst."""
    fast = _fast(traffic)
    rate = burst_capacity(
        fast=fast,
        before=context.state.previous_fast_per_second or fast,
        waiting=traffic.waiting,
        served_per_second=context.pools.ready_per_second,
        start_seconds=context.pools.preferred.start_seconds,
        slo=context.observation.slo,
    )
    return rate / context.pools.reference_pool.per_second
