"""How many replicas a deployment may have: minReplicas, maxReplicas and the floor of an open schedule window. Pure.

The planner computes the bounds from the spec and gives them to the scaling policy; both clamp with the same function and
report a bound in the same words. maxReplicas wins over minReplicas and over the floor.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelmatrix.api.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaBounds:
    """The fewest and the most replicas at one moment; ``window`` names the schedule window that sets ``floor``."""

    min_replicas: int
    max_replicas: int
    floor: int = 0
    window: str = ""

    @property
    def lowest(self) -> int:
        """The fewest replicas that the bounds allow."""
        return min(max(self.min_replicas, self.floor), self.max_replicas)

    def clamp(self, replicas: int) -> int:
        """The allowed number that is nearest to ``replicas``."""
        return min(max(replicas, self.lowest), self.max_replicas)

    def violation(self, replicas: int) -> tuple[Reason, str] | None:
        """The bound that does not allow ``replicas``, as a reason and a message; ``None`` within the bounds."""
        if replicas > self.max_replicas:
            return Reason.BOUNDS_CHANGED, f"{replicas} exceeds maxReplicas {self.max_replicas}"
        if replicas >= self.lowest:
            return None
        if self.floor > self.min_replicas:
            return Reason.SCHEDULED_FLOOR, f"schedule window {self.window} requires {self.floor}"
        return Reason.BOUNDS_CHANGED, f"{replicas} is below minReplicas {self.min_replicas}"
