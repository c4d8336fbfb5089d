"""Feedback from the SLO: the observed misses update the miss curve and the safety margin.

Each window of observed requests counts once. Misses that no margin would have prevented do not raise the margin: while no
replica can be added, while the load is far below the capacity (a slow node, a wrong setting), and in a flash that exceeds even
the largest margin on the forecast. Otherwise the integral would wind up and hold idle replicas for hours. Pure.
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
MIN_LOAD = 0.5


def apply_slo_feedback(context: PolicyContext) -> PolicyContext:
    """The context with the margin updated, if a window of observed requests has ended; else unchanged."""
    observation, traffic, margin = context.observation, context.traffic, context.state.margin
    if traffic is None or observation.second < margin.evaluated_at_second + traffic.observed_seconds:
        return context
    slo_misses = misses(traffic)
    miss_curve, safety_margin = margin.miss_curve, margin.safety_margin
    if slo_misses is not None and context.pools.ready_per_second:
        load = traffic.arrivals_per_second_long / context.pools.ready_per_second
        miss_curve = _miss_curve(context, traffic, slo_misses, load)
        safety_margin = _safety_margin(context, traffic, slo_misses, load)
    updated = SafetyMarginState(miss_curve, safety_margin, observation.second, observation.ready)
    return replace(context, state=replace(context.state, margin=updated))


def _miss_curve(context: PolicyContext, traffic: Traffic, slo_misses: SloMisses, load: float) -> MissCurve:
    """The miss curve after a window in which neither the load nor the replicas changed; else as it was."""
    margin, ready = context.state.margin, context.observation.ready
    if margin.evaluated_ready != ready or not is_steady(traffic):
        return margin.miss_curve
    edge = context.pools.reference_pool.edge_deviation(ready, context.state.demand.dispersion.index)
    return margin.miss_curve.updated(load, slo_misses.share, slo_misses.requests, edge)


def _safety_margin(context: PolicyContext, traffic: Traffic, slo_misses: SloMisses, load: float) -> SafetyMargin:
    return context.state.margin.safety_margin.updated(
        context.observation.slo,
        requests=slo_misses.requests,
        missed=slo_misses.missed,
        seconds=traffic.observed_seconds,
        may_rise=load >= MIN_LOAD and not _is_limited(context) and not _is_flash(context, traffic),
    )


def _is_limited(context: PolicyContext) -> bool:
    """Whether no replica can be added: maxReplicas is reached or no pool has free devices."""
    observation = context.observation
    at_most = observation.desired >= observation.bounds.max_replicas
    return at_most or not any(variant.room for variant in observation.variants)


def _is_flash(context: PolicyContext, traffic: Traffic) -> bool:
    """Whether more arrives than the largest margin on the forecast would have served."""
    forecast = context.state.demand.forecast
    sample = forecast.at(context.observation.second - context.horizon_seconds)
    arriving = max(traffic.arrivals_per_second, traffic.arrivals_per_second_long)
    return sample is not None and arriving > context.most_per_second(sample.combined, forecast.variance**0.5)
