"""When replicas may go: not before what was wanted lately is over, not many at once, not while anything is unknown. Pure.

A replica that is wanted again has to start again. Keeping it for as long as that takes never costs more than twice what
knowing the future would (ski rental).
"""

from __future__ import annotations

from modelmatrix.performance.engine_timing import EngineTiming, TokenLengths
from modelmatrix.scaling.decide.context import PolicyContext
from modelmatrix.scaling.decide.pool_candidates import PoolCandidateCapacity
from modelmatrix.scaling.decide.proposal_type import ReplicaProposal
from modelmatrix.scaling.estimate.seasonality import WEEK, Season
from modelmatrix.scaling.state.state import Recommended, ScaleDownState

SHORTEST_SECONDS, LONGEST_SECONDS = 120.0, 600.0
STEP_SECONDS = 60.0
LARGEST_STEP = 0.25
# The last replica goes only after so much silence; the next request would wait for a start.
SILENCE_SECONDS = 600.0
# Enough for one replica, however little that is of its capacity.
_ONE = 1e-6


def stabilize(now: PolicyContext, asked: ReplicaProposal) -> ScaleDownState:
    """What was wanted lately, this look included; the first of ``recommended`` is what is kept."""
    before, second = now.memory.shrinking, now.observation.second
    start = now.fleet.preferred.start_seconds
    wanted, busy = asked.replicas, second
    if not wanted and not asked.holds:
        busy = before.busy_second
        # Nobody is kept where nobody is: who sleeps is woken by a request or a schedule, not by a restart of ours.
        wanted = 0.0 if not now.current_replicas or _is_over(second, busy, start, now.memory.demand.season) else _ONE
    seen = before.recommended or ((second, now.current_replicas),)
    window = min(max(start, SHORTEST_SECONDS), LONGEST_SECONDS)
    return ScaleDownState(_falling(seen, second, wanted, window), before.stepped_second, busy)


def _is_over(second: float, busy_second: float, start_seconds: float, season: Season) -> bool:
    """Whether it has been silent for long, and was at this time on other days."""
    if second - busy_second < max(SILENCE_SECONDS, start_seconds):
        return False
    return max(season.requests(days, second, 2.0 * start_seconds) for days in (1, WEEK)) < 1.0


def _falling(before: Recommended, second: float, replicas: float, window_seconds: float) -> Recommended:
    """The numbers of a window that no later one reaches, the highest first."""
    earlier = tuple(one for one in before if one[0] > second - window_seconds and one[1] > replicas)
    return (*earlier, (second, replicas))


def scale_down_floor(now: PolicyContext, asked: ReplicaProposal, shrinking: ScaleDownState) -> int:
    """The fewest replicas that may be left now."""
    seen = now.observation
    if len(now.fleet.candidates) == 1 and shrinking.recommended[0][1] > seen.desired - 1:
        return seen.desired  # none would go anyway
    left = seen.desired - max(1, int(LARGEST_STEP * seen.desired))
    is_blocked = (
        asked.holds
        or seen.second - now.memory.shrinking.stepped_second < STEP_SECONDS
        or _is_partly_unknown(now)
        or not all(_decodes_in_time(now, one, left) for one in now.fleet.candidates)
    )
    return seen.desired if is_blocked else left


def _is_partly_unknown(now: PolicyContext) -> bool:
    """Whether a replica serves that is not measured: it may be full."""
    traffic = now.traffic
    return traffic is not None and traffic.measured is not None and traffic.measured < now.observation.ready


def _decodes_in_time(now: PolicyContext, one: PoolCandidateCapacity, left: int) -> bool:
    """Whether a pool's replicas keep the time per output token when fewer share what runs, whatever is said to arrive."""
    bound, reading, lengths = now.observation.slo.tpot_seconds, one.variant.engine, now.memory.lengths
    if bound is None or lengths.output_tokens <= 0 or left < 1 or not now.fleet.keeps_slo:
        return True
    if reading is None or not reading.is_finite:
        return True
    timing = now.memory.pools[one.variant.pool].fit.timing(one.variant.timing)
    rate = rate_of(timing, lengths, reading.running) * now.observation.desired / left
    return timing.itl_seconds(rate, lengths) <= bound


def rate_of(timing: EngineTiming, lengths: TokenLengths, running: float) -> float:
    """Requests per second of a replica in which so many run: Little's law, solved for the rate."""
    return running / (lengths.output_tokens * timing.alpha_seconds + running * timing.work_seconds(lengths))
