"""The scaling policy: the fewest replicas that keep the SLO, for the arrivals when a replica that is started now serves.

1. ``build_context``: update the estimates with the observation (engine timing, start times, season, forecast, burstiness).
2. ``apply_slo_feedback``: correct the safety margin by the requests that met and missed the SLO.
3. ``propose_replicas``: the first check that applies: start-up, asleep, unknown, contradictory, idle, load. The load proposes
   replicas for the forecast at the horizon with the margin, for the present, or for a burst, whichever is more.
4. ``stabilize`` and ``scale_down_floor``: delay and limit a reduction.
5. ``allocate_to_pools``: distribute the capacity over pools, within minReplicas, maxReplicas and the schedule's floor.
6. ``build_decision``: the number, its reason and a message.

Missing or stale signals never remove a replica. Nothing is tuned per deployment; the constants of the estimators were chosen on
the published traces of the benchmark in e2e/benchmark.
"""

from __future__ import annotations

from modelmatrix.scaling.decide.context import build_context
from modelmatrix.scaling.decide.message import build_decision, without_capacity
from modelmatrix.scaling.decide.pool_allocation import allocate_to_pools
from modelmatrix.scaling.decide.proposal import propose_replicas
from modelmatrix.scaling.decide.scale_down import scale_down_floor, stabilize
from modelmatrix.scaling.decide.slo_feedback import apply_slo_feedback
from modelmatrix.scaling.observation.observation import Decision, History, Observation
from modelmatrix.scaling.state.restore import restore_state
from modelmatrix.scaling.state.state import PolicyState, ScaleDownState


class SloPolicy:
    """Decides by the SLO alone; it has no parameters."""

    name = "slo"

    def initial_state(self, second: float) -> PolicyState:
        """Priors only; the time without requests counts from ``second`` on."""
        return PolicyState(scale_down=ScaleDownState(last_busy_second=second))

    def restore_state(self, history: History, second: float) -> PolicyState:
        """The state after an operator restart, from the arrival rates that Prometheus has stored."""
        return restore_state(history, self.initial_state(second))

    def decide(self, observation: Observation, state: PolicyState) -> tuple[Decision, PolicyState]:
        """The number of replicas by pool with its reason, and the state for the next decision."""
        context = build_context(observation, state)
        if context is None:
            return without_capacity(observation), state
        context = apply_slo_feedback(context)
        proposal = propose_replicas(context)
        scale_down = stabilize(context, proposal)
        by_pool = allocate_to_pools(
            context.pools,
            observation.placement,
            required_per_second=scale_down.recommendations[0][1] * context.pools.reference_pool.per_second,
            lowest=observation.bounds.clamp(scale_down_floor(context, proposal, scale_down)),
            highest=observation.bounds.max_replicas,
            may_move=not proposal.holds,
        )
        decision = build_decision(
            observation, proposal, scale_down, by_pool, longest_start_seconds=context.longest_start_seconds
        )
        return decision, context.next_state(scale_down, decision.replicas)
