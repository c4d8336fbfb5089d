"""What a decision says: a reason from the enumeration, and a line that tells the figures. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from modelmatrix.api.reasons import Reason
from modelmatrix.scaling.decide.pool_allocation import ROUNDING
from modelmatrix.scaling.decide.proposal_type import ReplicaProposal
from modelmatrix.scaling.observation.observation import Decision, Observation
from modelmatrix.scaling.state.state import ScaleDownState


def build_decision(
    observation: Observation, asked: ReplicaProposal, shrinking: ScaleDownState, floor: int, by_pool: Mapping[str, int]
) -> Decision:
    """The decision.

    Args:
        observation: what was decided upon.
        asked: what the signals ask for.
        shrinking: what was wanted lately.
        floor: of the schedule.
        by_pool: what was decided.
    """
    number, desired = sum(by_pool.values()), observation.desired
    change = f"{desired} -> {number}" if number != desired else f"{number}"
    wanted = ceil(shrinking.recommended[0][1] - ROUNDING)
    bound = _bound(observation, asked, floor, number, wanted)
    if bound is not None:
        reason, words = bound
        return Decision(number, reason, f"{change}: {words}; {asked.words}", asked.figures, by_pool)
    words = asked.words
    if not asked.holds and wanted > ceil(asked.replicas - ROUNDING):
        words += f"; {wanted} were needed {observation.second - shrinking.recommended[0][0]:.0f} s ago"
    return Decision(number, _reason(number - desired, asked), f"{change}: {words}", asked.figures, by_pool)


def _bound(observation: Observation, asked: ReplicaProposal, floor: int, number: int, wanted: int) -> tuple[Reason, str] | None:
    """The bound that decides, if one does."""
    reason = Reason.BOUNDS_CHANGED if number != observation.desired else asked.reason
    if wanted < number == floor > observation.min_replicas:
        return Reason.SCHEDULED_FLOOR, f"a schedule window asks for {floor}"
    if wanted > number == observation.max_replicas:
        return reason, f"{wanted} are needed and maxReplicas is {observation.max_replicas}"
    if wanted < number == observation.min_replicas != observation.desired:
        return reason, f"minReplicas is {observation.min_replicas}"
    return None


def _reason(change: int, asked: ReplicaProposal) -> Reason:
    if change == 0:
        return asked.reason
    return Reason.LOAD_RISING if change > 0 else Reason.LOAD_FALLING


def without_capacity(observation: Observation) -> Decision:
    """The decision where no pool can serve a single request: what there is stays, within the bounds."""
    lowest = max(observation.min_replicas, observation.floor)
    number = min(max(observation.desired, lowest), observation.max_replicas)
    return Decision(number, Reason.SLO_INFEASIBLE, f"{number}: no pool can hold a single request of these lengths")
