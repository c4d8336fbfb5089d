"""What a planner remembers between plans: nothing but results that a plan without it would work out again."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelmatrix.planning.actions.diff import IntactChecks
from modelmatrix.planning.feasibility.assess import FeasibilityCache
from modelmatrix.planning.rendering.workloads import RenderingCache
from modelmatrix.planning.snapshot.last_results import LastResults
from modelmatrix.planning.tenancy.tenancy import TenancyCache


@dataclass(slots=True)
class PlanCache:
    """One for each process that plans again and again: the control loop and admission share one, commands have none.

    ``intact`` has the last comparison of each stored object with what was applied, by UID.
    """

    feasibility: FeasibilityCache = field(default_factory=FeasibilityCache)
    rendering: RenderingCache = field(default_factory=RenderingCache)
    intact: IntactChecks = field(default_factory=LastResults)
    tenancy: TenancyCache = field(default_factory=TenancyCache)

    def branch(self) -> PlanCache:
        """A cache for a what-if plan: it begins with what this one has and leaves it as it is."""
        return PlanCache(self.feasibility.branch(), self.rendering.branch(), self.intact.branch(), self.tenancy.branch())

    def begin(self) -> None:
        """Begin a plan: drop what the last one did not use."""
        self.tenancy.governed.begin()
        self.feasibility.assessments.begin()
        self.rendering.templates.begin()
        self.rendering.services.begin()
        self.rendering.network_policies.begin()
        self.intact.begin()
