"""The scaling policy: as few replicas as keep the SLO, for what will arrive when a replica that is started now serves.

What a replica serves follows from its engine's timing, which is learned; what arrives is forecast; how far from the edge to
stay is corrected by what was attained. Missing or stale signals never take a replica away.
"""

from __future__ import annotations

from modelmatrix.scaling.decide.context import build_context
from modelmatrix.scaling.decide.message import build_decision, without_capacity
from modelmatrix.scaling.decide.pool_allocation import allocate_to_pools
from modelmatrix.scaling.decide.proposal import propose_replicas
from modelmatrix.scaling.decide.scale_down import scale_down_floor, stabilize
from modelmatrix.scaling.decide.schedule_floor import schedule_floor
from modelmatrix.scaling.decide.slo_feedback import apply_slo_feedback
from modelmatrix.scaling.observation.observation import Decision, History, Observation
from modelmatrix.scaling.state.restore import restore_state
from modelmatrix.scaling.state.state import PolicyState, ScaleDownState


class SloPolicy:
    """Decides by the SLO alone; there is nothing to tune."""

    name = "slo"

    def initial_state(self, second: float) -> PolicyState:
        """Nothing is known; silence counts from ``second`` on."""
        return PolicyState(shrinking=ScaleDownState(busy_second=second))

    def restore_state(self, history: History, second: float) -> PolicyState:
        """What was learned, from what Prometheus knows of it."""
        return restore_state(history, self.initial_state(second))

    def decide(self, observation: Observation, memory: PolicyState) -> tuple[Decision, PolicyState]:
        """The wanted number of replicas, where they belong and why; and what to remember."""
        now = build_context(observation, memory)
        if now is None:
            return without_capacity(observation), memory
        now = apply_slo_feedback(now)
        asked = propose_replicas(now)
        shrinking = stabilize(now, asked)
        floor = schedule_floor(now)
        by_pool = allocate_to_pools(
            now.fleet,
            observation.placement,
            wanted_per_second=shrinking.recommended[0][1] * now.fleet.reference_pool.per_second,
            lowest=min(max(scale_down_floor(now, asked, shrinking), floor, observation.min_replicas), observation.max_replicas),
            highest=observation.max_replicas,
            may_move=not asked.holds,
        )
        decision = build_decision(observation, asked, shrinking, floor, by_pool)
        return decision, now.next_state(shrinking, decision.replicas)
