"""What the share of requests that missed the SLO teaches: how sharp the edge is, and how far from it to stay. Pure.

Each window of requests counts once. Misses that no margin would have prevented teach nothing: where replicas cannot be had,
where the load is far below the capacity, and in a flash that nobody could have known of.
"""

from __future__ import annotations

from dataclasses import replace

from modelmatrix.scaling.decide.context import PolicyContext
from modelmatrix.scaling.estimate.miss_curve import MissCurve
from modelmatrix.scaling.estimate.safety_margin import SafetyMargin
from modelmatrix.scaling.observation.observation import Traffic
from modelmatrix.scaling.observation.slo_attainment import SloMisses, misses
from modelmatrix.scaling.state.state import SafetyMarginState
from modelmatrix.scaling.state.update import is_steady

# Below half of the capacity, misses have another cause than load: a slow node, a wrong setting.
LEAST_LOAD = 0.5


def apply_slo_feedback(now: PolicyContext) -> PolicyContext:
    """The situation with the margin after the last window, if a window is over."""
    seen, traffic, margin = now.observation, now.traffic, now.memory.margin
    if traffic is None or seen.second < margin.judged_second + traffic.observed_seconds:
        return now
    found = misses(traffic)
    tail, integral = margin.tail, margin.integral
    if found is not None and now.fleet.ready_per_second:
        load = traffic.arrivals_per_second_long / now.fleet.ready_per_second
        tail, integral = _tail(now, traffic, found, load), _integral(now, traffic, found, load)
    after = SafetyMarginState(tail, integral, seen.second, seen.ready)
    return replace(now, memory=replace(now.memory, margin=after))


def _tail(now: PolicyContext, traffic: Traffic, found: SloMisses, load: float) -> MissCurve:
    """The tail after a window in which neither the load nor the fleet changed; else as it was."""
    margin, ready = now.memory.margin, now.observation.ready
    if margin.judged_ready != ready or not is_steady(traffic):
        return margin.tail
    edge = now.fleet.reference_pool.edge_deviation(ready, now.memory.demand.dispersion.index)
    return margin.tail.updated(load, found.share, found.requests, edge)


def _integral(now: PolicyContext, traffic: Traffic, found: SloMisses, load: float) -> SafetyMargin:
    return now.memory.margin.integral.learned(
        now.observation.slo,
        requests=found.requests,
        missed=found.missed,
        seconds=traffic.observed_seconds,
        may_rise=load >= LEAST_LOAD and not _is_limited(now) and not _is_flash(now, traffic),
    )


def _is_limited(now: PolicyContext) -> bool:
    """Whether more replicas cannot be had."""
    seen = now.observation
    return seen.desired >= seen.max_replicas or not any(variant.room for variant in seen.variants)


def _is_flash(now: PolicyContext, traffic: Traffic) -> bool:
    """Whether more arrives than the largest margin would have served on what was forecast."""
    forecast = now.memory.demand.forecast
    then = forecast.at(now.observation.second - now.horizon_seconds)
    arriving = max(traffic.arrivals_per_second, traffic.arrivals_per_second_long)
    return then is not None and arriving > now.most_per_second(then.combined, forecast.variance**0.5)
