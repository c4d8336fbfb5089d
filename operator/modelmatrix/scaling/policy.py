"""The scaling policy: as few replicas as keep the SLO, for what will arrive when a replica that is started now serves.

What a replica serves follows from its engine's timing, which is learned; what arrives is forecast; how far from the edge to
stay is corrected by what was attained. Missing or stale signals never take a replica away.
"""

from __future__ import annotations

from modelmatrix.scaling.floors import floor_of
from modelmatrix.scaling.judging import judged
from modelmatrix.scaling.memory import Memory, Shrinking
from modelmatrix.scaling.observation import Decision, History, Observation
from modelmatrix.scaling.placing import place
from modelmatrix.scaling.questions import wish
from modelmatrix.scaling.rebuilding import rebuilt
from modelmatrix.scaling.shrinking import kept, least_replicas
from modelmatrix.scaling.situation import situation_of
from modelmatrix.scaling.words import decision_of, without_capacity


class SloPolicy:
    """Decides by the SLO alone; there is nothing to tune."""

    name = "slo"

    def recall(self, second: float) -> Memory:
        """Nothing is known; silence counts from ``second`` on."""
        return Memory(shrinking=Shrinking(busy_second=second))

    def rebuild(self, history: History, second: float) -> Memory:
        """What was learned, from what Prometheus knows of it."""
        return rebuilt(history, self.recall(second))

    def decide(self, observation: Observation, memory: Memory) -> tuple[Decision, Memory]:
        """The wanted number of replicas, where they belong and why; and what to remember."""
        now = situation_of(observation, memory)
        if now is None:
            return without_capacity(observation), memory
        now = judged(now)
        asked = wish(now)
        shrinking = kept(now, asked)
        floor = floor_of(now)
        by_pool = place(
            now.fleet,
            observation.placement,
            wanted_per_second=shrinking.recommended[0][1] * now.fleet.unit.per_second,
            lowest=min(max(least_replicas(now, asked, shrinking), floor, observation.min_replicas), observation.max_replicas),
            highest=observation.max_replicas,
            may_move=not asked.holds,
        )
        decision = decision_of(observation, asked, shrinking, floor, by_pool)
        return decision, now.remembered(shrinking, decision.replicas)
