"""What a load asks for: what arrives now, what will arrive when a replica that is started now serves, and a burst. Pure."""

from __future__ import annotations

from modelmatrix.scaling.decide.burst import burst_capacity
from modelmatrix.scaling.decide.capacity_need import CapacityNeed
from modelmatrix.scaling.decide.context import PolicyContext
from modelmatrix.scaling.decide.pool_candidates import PoolCandidates
from modelmatrix.scaling.decide.proposal_type import ReplicaProposal
from modelmatrix.scaling.observation.observation import Traffic


def proposal_for_load(now: PolicyContext, traffic: Traffic) -> ReplicaProposal:
    """The most of what is asked for now, at the horizon and by a burst."""
    minute = traffic.arrivals_per_second * _unmeasured_factor(now, traffic)
    horizon = now.horizon_seconds
    forecast = now.memory.demand.forecast.outlook(minute=minute, long=traffic.arrivals_per_second_long, horizon_seconds=horizon)
    expected = now.memory.demand.work.growth(horizon) * forecast.rate_per_second
    need, when = now.capacity_need(expected, forecast.deviation), f"forecast in {horizon:.0f} s"
    # What is asked for with an uncertain margin includes what less is asked for with a certain one.
    present = now.capacity_need(minute) if minute > expected else need
    if present.replicas > need.replicas:
        need, when = present, "now"
    burst = _burst(now, traffic)
    figures = {
        "arrivalsPerSecond": minute,
        "forecastPerSecond": expected,
        "horizonSeconds": horizon,
        "capacityPerSecond": now.fleet.reference_pool.per_second,
        "margin": need.margin,
        "waiting": traffic.waiting,
    }
    if burst > need.replicas:
        words = f"a burst of {_fast(traffic):.3g} requests/s, {traffic.waiting:.0f} wait, {_serves(now.fleet)}"
        return ReplicaProposal(burst, words, figures=figures)
    return ReplicaProposal(need.replicas, _words(need, when, now.fleet), figures=figures)


def _words(need: CapacityNeed, when: str, fleet: PoolCandidates) -> str:
    return f"{need.rate_per_second:.3g} requests/s {when}, {_serves(fleet)}, margin {100.0 * need.margin:.0f} %"


def _serves(fleet: PoolCandidates) -> str:
    within = "within the SLO" if fleet.keeps_slo else "and misses the SLO even without load"
    return f"a replica serves {fleet.reference_pool.per_second:.3g} {within}"


def _unmeasured_factor(now: PolicyContext, traffic: Traffic) -> float:
    """By what arrivals are to be multiplied while young replicas serve their share and are not measured yet."""
    ready = now.observation.ready
    measured = ready if traffic.measured is None else traffic.measured
    return ready / measured if 0 < measured < ready else 1.0


def _fast(traffic: Traffic) -> float:
    fast = traffic.arrivals_per_second_fast
    return traffic.arrivals_per_second if fast is None else fast


def _burst(now: PolicyContext, traffic: Traffic) -> float:
    """Replicas to get out of a burst; 0.0 where there is none."""
    fast = _fast(traffic)
    rate = burst_capacity(
        fast=fast,
        before=now.memory.fast_per_second or fast,
        waiting=traffic.waiting,
        served_per_second=now.fleet.ready_per_second,
        start_seconds=now.fleet.preferred.start_seconds,
        slo=now.observation.slo,
    )
    return rate / now.fleet.reference_pool.per_second
