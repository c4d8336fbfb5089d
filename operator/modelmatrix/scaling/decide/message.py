"""Builds the decision: the number, a reason from the enumeration, and a message with the values behind it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from modelmatrix.api.reasons import Reason
from modelmatrix.scaling.decide.pool_allocation import ROUNDING
from modelmatrix.scaling.decide.proposal import ReplicaProposal
from modelmatrix.scaling.observation.observation import Decision, Observation
from modelmatrix.scaling.state.state import ScaleDownState


def build_decision(
    observation: Observation,
    proposal: ReplicaProposal,
    scale_down: ScaleDownState,
    by_pool: Mapping[str, int],
    *,
    longest_start_seconds: float,
) -> Decision:
    """The decision for ``by_pool``.

    The message starts with the change of the number, then names the bound or the earlier peak that decided, if one did.
    """
    number, desired = sum(by_pool.values()), observation.desired
    change = f"{desired} -> {number}" if number != desired else f"{number}"
    recommended = ceil(scale_down.recommendations[0][1] - ROUNDING)
    bound = _bound(observation, proposal, number, recommended)
    message, reason = proposal.message, _reason(number - desired, proposal)
    if bound is not None:
        reason, violation = bound
        message = f"{violation}; {message}"
    elif not proposal.holds and recommended > ceil(proposal.replicas - ROUNDING):
        age = observation.second - scale_down.recommendations[0][0]
        message += f"; the load {age:.0f} s ago required {recommended}"
    return Decision(number, reason, f"{change}: {message}", proposal.values, by_pool, longest_start_seconds)


def _bound(observation: Observation, proposal: ReplicaProposal, number: int, recommended: int) -> tuple[Reason, str] | None:
    """The bound that decides the number, as a reason and a message; ``None`` if the recommendation or a hold decides.

    A minReplicas that changes nothing is not worth a message: an idle deployment would report it for as long as it idles.
    """
    bounds = observation.bounds
    violation = bounds.violation(recommended)
    if violation is None or number != bounds.clamp(recommended):
        return None
    reason, message = violation
    if reason is Reason.SCHEDULED_FLOOR:
        return violation
    if number == observation.desired:
        return (proposal.reason, message) if recommended > number else None
    return violation


def _reason(change: int, proposal: ReplicaProposal) -> Reason:
    if change == 0:
        return proposal.reason
    return Reason.LOAD_RISING if change > 0 else Reason.LOAD_FALLING


def without_capacity(observation: Observation) -> Decision:
    """The decision if no pool can serve a single request: the present number, within the bounds."""
    number = observation.bounds.clamp(observation.desired)
    return Decision(number, Reason.SLO_INFEASIBLE, f"{number}: no pool can serve a single request of these lengths")
