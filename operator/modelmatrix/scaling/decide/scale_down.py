"""When replicas may be removed: after a delay, in small steps, and never while a signal is unknown.

The delay is a ski-rental rule: a replica that is removed and needed again must start again, so it stays for as long as a start
takes (two to ten minutes). That costs at most twice what an algorithm that knew the future would (Karlin et al., "Competitive
snoopy caching", 1988). The delay is a sliding maximum: the number kept is the highest proposal of that window. Below it,

- at most a quarter of the replicas goes in a minute;
- none goes while a ready replica is not measured: it may be full;
- none goes if the engines' own step times say that the rest would exceed the TPOT bound;
- the last one goes only after ten minutes without a request and without requests at this time yesterday and a week ago.

Pure.
"""

from __future__ import annotations

from modelmatrix.performance.engine_timing import EngineTiming, TokenLengths
from modelmatrix.scaling.decide.context import PolicyContext
from modelmatrix.scaling.decide.pool_candidates import PoolCandidateCapacity
from modelmatrix.scaling.decide.proposal import ReplicaProposal
from modelmatrix.scaling.estimate.seasonality import WEEK, Season
from modelmatrix.scaling.state.state import Recommendations, ScaleDownState

MIN_DELAY_SECONDS, MAX_DELAY_SECONDS = 120.0, 600.0
STEP_SECONDS = 60.0
MAX_STEP = 0.25
# The last replica goes only after this time without requests; the next request would wait for a start.
SILENCE_SECONDS = 600.0
# A proposal that is rounded up to one replica, whatever the capacity of a replica.
_ONE = 1e-6


def stabilize(context: PolicyContext, proposal: ReplicaProposal) -> ScaleDownState:
    """The recommendations with this proposal; the first of them is the number to keep."""
    before, second = context.state.scale_down, context.observation.second
    start = context.pools.preferred.start_seconds
    replicas, busy_second = proposal.replicas, second
    if not replicas and not proposal.holds:
        busy_second = before.last_busy_second
        # At zero replicas keep zero: only a request or a schedule wakes a deployment, never an operator restart.
        is_over = _is_over(second, busy_second, start, context.state.demand.season)
        replicas = 0.0 if not context.current_replicas or is_over else _ONE
    recommendations = before.recommendations or ((second, context.current_replicas),)
    delay = min(max(start, MIN_DELAY_SECONDS), MAX_DELAY_SECONDS)
    return ScaleDownState(_falling(recommendations, second, replicas, delay), before.reduced_at_second, busy_second)


def _is_over(second: float, busy_second: float, start_seconds: float, season: Season) -> bool:
    """Whether no request came for long, and none came at this time on other days."""
    if second - busy_second < max(SILENCE_SECONDS, start_seconds):
        return False
    return max(season.requests(days, second, 2.0 * start_seconds) for days in (1, WEEK)) < 1.0


def _falling(before: Recommendations, second: float, replicas: float, delay_seconds: float) -> Recommendations:
    """The recommendations of a window that no later one reaches, the highest first."""
    earlier = tuple(pair for pair in before if pair[0] > second - delay_seconds and pair[1] > replicas)
    return (*earlier, (second, replicas))


def scale_down_floor(context: PolicyContext, proposal: ReplicaProposal, scale_down: ScaleDownState) -> int:
    """The fewest replicas that may remain now, before bounds."""
    desired, second = context.observation.desired, context.observation.second
    if len(context.pools.candidates) == 1 and scale_down.recommendations[0][1] > desired - 1:
        return desired  # the recommendation removes none; the checks below cost time
    remaining = desired - max(1, int(MAX_STEP * desired))
    is_blocked = (
        proposal.holds
        or second - context.state.scale_down.reduced_at_second < STEP_SECONDS
        or _is_partly_unknown(context)
        or not all(_decodes_in_time(context, candidate, remaining) for candidate in context.pools.candidates)
    )
    return desired if is_blocked else remaining


def _is_partly_unknown(context: PolicyContext) -> bool:
    """Whether a ready replica is not measured: it may be full."""
    traffic = context.traffic
    return traffic is not None and traffic.measured is not None and traffic.measured < context.observation.ready


def _decodes_in_time(context: PolicyContext, candidate: PoolCandidateCapacity, remaining: int) -> bool:
    """Whether a pool's replicas meet the TPOT bound if the remaining ones share its running requests.

    Uses what the engines measure, not the arrivals, so that a wrong arrival rate cannot remove a busy replica.
    """
    bound, reading, lengths = context.observation.slo.tpot_seconds, candidate.variant.engine, context.state.lengths
    if bound is None or lengths.output_tokens <= 0 or remaining < 1 or not context.pools.meets_slo:
        return True
    if reading is None or not reading.is_finite:
        return True
    timing = context.state.pools[candidate.variant.pool].fit.timing(candidate.variant.timing)
    rate = rate_of(timing, lengths, reading.running) * context.observation.desired / remaining
    return timing.itl_seconds(rate, lengths) <= bound


def rate_of(timing: EngineTiming, lengths: TokenLengths, running: float) -> float:
    """Requests per second of a replica with ``running`` requests: Little's law, solved for the rate."""
    return running / (lengths.output_tokens * timing.alpha_seconds + running * timing.work_seconds(lengths))
