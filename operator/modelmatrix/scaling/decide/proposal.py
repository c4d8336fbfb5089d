"""Turns signals into a replica proposal.

Checks run in order: start-up (hold), asleep (the gateway wakes), unknown signals (hold), contradictory signals (hold), idle,
load. Unknown comes before idle, so that missing signals never remove a replica. Bounds, the schedule and the delay of a
reduction come after the proposal. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from modelmatrix.api.reasons import Reason
from modelmatrix.scaling.decide.context import PolicyContext
from modelmatrix.scaling.decide.load import load_need
from modelmatrix.scaling.observation.observation import Observation, Traffic

# Rates and estimates of the first observations after a start are incomplete.
FIRST_SAMPLES = 2


@dataclass(frozen=True, slots=True)
class ReplicaProposal:
    """Replicas of the reference pool, fractions included, with the message and the values behind the number.

    ``holds`` forbids a number below today's. ``reason`` is that of a decision that changes nothing.
    """

    replicas: float
    message: str
    reason: Reason = Reason.STEADY
    holds: bool = False
    values: Mapping[str, float] = field(default_factory=dict)


def propose_replicas(context: PolicyContext) -> ReplicaProposal:
    """The proposal of the first check that applies, limited to the largest step."""
    proposal, limit = _propose(context), context.max_step_replicas
    return proposal if proposal.replicas <= limit else replace(proposal, replicas=limit)


def _propose(context: PolicyContext) -> ReplicaProposal:
    traffic = context.traffic
    if context.state.samples_seen <= FIRST_SAMPLES:
        return ReplicaProposal(context.current_replicas, "first samples after the operator's start", holds=True)
    if _is_asleep(context.observation):
        return _asleep(context)
    if traffic is None:
        return _unknown(context)
    if _is_contradictory(traffic):
        return _contradictory(traffic)
    if traffic.is_idle:
        return ReplicaProposal(0.0, "no requests arrive", Reason.NO_TRAFFIC)
    need = load_need(context, traffic)
    return ReplicaProposal(need.replicas, need.message, values=need.values)


def _is_asleep(observation: Observation) -> bool:
    """Whether the deployment has no replicas and desires none: only a gateway can see its requests."""
    return not (observation.desired or observation.ready or observation.starting)


def _asleep(context: PolicyContext) -> ReplicaProposal:
    arriving = context.gateway_per_second
    if not arriving:
        return ReplicaProposal(0.0, "scaled to zero, and the gateway counts no requests", Reason.SCALED_TO_ZERO)
    return ReplicaProposal(context.capacity_need(arriving).replicas, f"the gateway counts {arriving:.3g} requests/s")


def _unknown(context: PolicyContext) -> ReplicaProposal:
    """Hold what there is; the gateway or the replicas that are measured may raise it."""
    observation = context.observation
    proven = max(
        context.current_replicas, context.capacity_need(context.gateway_per_second).replicas, _partly_measured(context)
    )
    return ReplicaProposal(proven, observation.quality_message, observation.quality, holds=True)


def _partly_measured(context: PolicyContext) -> float:
    """The need of the measured replicas plus the other replicas, which count as full: they can take over no load."""
    observation, traffic = context.observation, context.observation.traffic
    if traffic is None or not traffic.measured or not traffic.is_finite:
        return 0.0
    others = max(0, observation.ready + observation.starting - traffic.measured)
    return context.capacity_need(traffic.arrivals_per_second).replicas + others


def _is_contradictory(traffic: Traffic) -> bool:
    """Whether requests are in flight although none arrived or finished in a minute."""
    return not traffic.arrivals_per_second and bool(traffic.waiting or traffic.running)


def _contradictory(traffic: Traffic) -> ReplicaProposal:
    """An engine hangs or its metrics page is frozen: more replicas would help neither, fewer might be wrong."""
    in_flight = traffic.waiting + traffic.running
    message = f"{in_flight:.0f} requests are in flight, and none arrived or finished for a minute"
    return ReplicaProposal(0.0, message, holds=True)
