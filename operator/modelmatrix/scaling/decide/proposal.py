"""What is asked of the signals, and in which order: what is unknown holds before what is idle shrinks. Pure."""

from __future__ import annotations

from dataclasses import replace

from modelmatrix.api.reasons import Reason
from modelmatrix.scaling.decide.context import PolicyContext
from modelmatrix.scaling.decide.load import proposal_for_load
from modelmatrix.scaling.decide.proposal_type import ReplicaProposal
from modelmatrix.scaling.observation.observation import Observation, Traffic

FIRST_LOOKS = 2


def propose_replicas(now: PolicyContext) -> ReplicaProposal:
    """What the signals ask for, as far as that can be believed at once."""
    said = _answer(now)
    return said if said.replicas <= now.max_step_replicas else replace(said, replicas=now.max_step_replicas)


def _answer(now: PolicyContext) -> ReplicaProposal:
    traffic = now.traffic
    if now.memory.looks <= FIRST_LOOKS:
        return ReplicaProposal(now.current_replicas, "first looks after a start", holds=True)
    if _is_asleep(now.observation):
        return _asleep(now)
    if traffic is None:
        return _unknown(now)
    if _is_contradictory(traffic):
        return _contradictory(traffic)
    if traffic.is_idle:
        return ReplicaProposal(0.0, "nothing arrives", Reason.NO_TRAFFIC)
    return proposal_for_load(now, traffic)


def _is_asleep(seen: Observation) -> bool:
    """Whether there are no replicas, and none are wanted: nobody can be asked but a gateway."""
    return not (seen.desired or seen.ready or seen.starting)


def _asleep(now: PolicyContext) -> ReplicaProposal:
    arriving = now.gateway_per_second
    if not arriving:
        return ReplicaProposal(0.0, "asleep, and no request is known of", Reason.SCALED_TO_ZERO)
    return ReplicaProposal(now.capacity_need(arriving).replicas, f"the gateway counts {arriving:.3g} requests/s")


def _unknown(now: PolicyContext) -> ReplicaProposal:
    """Without signals that can be trusted nothing goes; what a gateway or some of the replicas show may add."""
    seen = now.observation
    proven = max(now.current_replicas, now.capacity_need(now.gateway_per_second).replicas, _seen_by_some(now))
    return ReplicaProposal(proven, seen.quality_message, seen.quality, holds=True)


def _seen_by_some(now: PolicyContext) -> float:
    """What is asked for by replicas that are measured; the others count as full: they spare nothing, and need no more."""
    seen, traffic = now.observation, now.observation.traffic
    if traffic is None or not traffic.measured or not traffic.is_finite:
        return 0.0
    return now.capacity_need(traffic.arrivals_per_second).replicas + max(0, seen.ready + seen.starting - traffic.measured)


def _is_contradictory(traffic: Traffic) -> bool:
    """Whether requests are in flight, and in a minute none arrived or finished."""
    return not traffic.arrivals_per_second and bool(traffic.waiting or traffic.running)


def _contradictory(traffic: Traffic) -> ReplicaProposal:
    """An engine hangs, or its page stands still: more of them would mend neither, fewer might be wrong."""
    in_flight = traffic.waiting + traffic.running
    return ReplicaProposal(
        0.0, f"{in_flight:.0f} requests are in flight, and for a minute none arrived or finished", holds=True
    )
