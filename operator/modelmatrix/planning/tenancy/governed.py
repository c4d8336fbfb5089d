"""A spec as its namespace's rules let it count: a capped priority, and the tenant and cost centre that a policy decides. Pure.

Everything after this step reads the governed spec: rank, PriorityClass, displacement, labels and cost. So no step can forget
a rule, and a deployment never stops because of one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelmatrix.api.model_deployment import ModelDeploymentSpec
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.snapshot.views import PolicyNote
from modelmatrix.planning.tenancy.rules import DEFAULT, Decided, TenantRules

Change = tuple[str, Any, PolicyNote | None]  # field, value, what to say


def govern(spec: ModelDeploymentSpec, rules: TenantRules) -> tuple[ModelDeploymentSpec, tuple[PolicyNote, ...]]:
    """The spec as it counts, and what of it was changed; the same object when nothing is."""
    changes = list(_changes(spec, rules))
    if not changes:
        return spec, ()
    update = {field: value for field, value, _ in changes}
    return spec.model_copy(update=update), tuple(note for _, _, note in changes if note is not None)


def _changes(spec: ModelDeploymentSpec, rules: TenantRules) -> Iterator[Change]:
    if spec.priority.rank < rules.highest_priority.rank:
        yield "priority", rules.highest_priority, PolicyNote(Reason.PRIORITY_CAPPED, _capped(spec, rules))
    if rules.tenant is not None and rules.tenant.value != spec.tenant:
        yield "tenant", rules.tenant.value, _overridden("spec.tenant", spec.tenant, rules.tenant)
    if rules.cost_center is not None and rules.cost_center.value != spec.cost_center:
        yield "cost_center", rules.cost_center.value, _overridden("spec.costCenter", spec.cost_center, rules.cost_center)


def _capped(spec: ModelDeploymentSpec, rules: TenantRules) -> str:
    highest = rules.highest_priority
    if rules.capped_by == DEFAULT:
        return (
            f"spec.priority {spec.priority} counts as {highest}, the highest of a namespace whose TenantPolicies set none; "
            f"lower it, or have an admin create a TenantPolicy for the namespace with highestPriority: {spec.priority}"
        )
    return (
        f"spec.priority {spec.priority} counts as {highest}, the highest that TenantPolicy {rules.capped_by} allows; lower it, "
        "or have an admin raise highestPriority there"
    )


def _overridden(field: str, given: str | None, decided: Decided) -> PolicyNote | None:
    """What a spec is told that names another value; one that names none is not told anything."""
    if given is None:
        return None
    by = f"TenantPolicy {decided.policy}"
    if decided.value is None:
        message = f"{field} {given} does not count: {by} takes it from the namespace's label {decided.label}, which is missing"
    else:
        source = f" from the namespace's label {decided.label}" if decided.label else ""
        message = f"{field} {given} counts as {decided.value}, which {by} decides{source}; leave {field} out"
    return PolicyNote(Reason.TENANT_OVERRIDDEN, message)
