"""Who took a deployment's devices, and whether they still have them: displacement is over when they have not. Pure."""

from __future__ import annotations

import re

from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.planning.status.capacity_messages import missing_message

_COUNTED = re.compile(r"(\d+) replicas gave way: ")
_NAME = re.compile(r"([a-z0-9-]+)/([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)")


def preempted_message(outlook: DeploymentPlan, said: str) -> str | None:
    """What to say after it was said who took replicas; ``None`` when none of them has the devices any more.

    The status is all that remembers the takers. What was said stays while it explains the whole shortage.
    """
    named = [NamespacedName(*found) for found in _NAME.findall(said.partition("gave way")[2])]
    holding = [taker for taker in named if _holds(outlook, taker)]
    if not holding:
        return None
    counted = _COUNTED.match(said)
    if counted and int(counted[1]) == outlook.assignment.shortage and holding == named:
        return said
    takers = ", ".join(str(taker) for taker in holding)
    return f"{missing_message(outlook)}. Replicas gave way to {takers}: add devices, or raise spec.priority"


def _holds(outlook: DeploymentPlan, taker: NamespacedName) -> bool:
    """Whether it is placed with a higher priority on a pool that the deployment could use."""
    table, own = outlook.table, outlook.member.key
    demand = table.demands.get(taker)
    if demand is None or demand.priority >= table.demands[own].priority:
        return False
    return any(table.assignments[taker].replicas(option.pool) for option in outlook.member.case.fitting)
