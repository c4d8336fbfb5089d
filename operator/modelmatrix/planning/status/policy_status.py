"""Status of a TenantPolicy: whom it selects, what counts against its quotas, and an admin's mistakes in it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from modelmatrix.api.conditions import FALSE, READY, TRUE, ConditionState, render_conditions
from modelmatrix.api.reasons import Reason
from modelmatrix.api.tenant_policy import FixedOrLabel, TenantPolicySpec
from modelmatrix.planning.feasibility.layout_choice import pluralize
from modelmatrix.planning.placement.result import PlacementResult
from modelmatrix.planning.snapshot.views import TenantPolicyView
from modelmatrix.planning.tenancy.rules import decided_value
from modelmatrix.planning.tenancy.selector import labels_of
from modelmatrix.planning.tenancy.tenancy import Tenancy

SHOWN = 4


class Problem(NamedTuple):
    """What is wrong with a policy, or with what its namespaces use."""

    reason: Reason
    message: str


def policy_status(view: TenantPolicyView, result: PlacementResult) -> dict[str, Any]:
    """The whole status of a policy."""
    namespaces = result.tenancy.selected(view)
    deployments = sum(1 for key in result.fleet.deployments if key.namespace in set(namespaces))
    devices = list(_devices(view, result))
    problems = [*_problems(view, namespaces, result), *_over_quota(devices)]
    return {
        "namespaces": len(namespaces),
        "deployments": deployments,
        "devices": devices,
        "conditions": render_conditions(
            [_ready(problems, len(namespaces))],
            view.status.get("conditions", ()),
            generation=view.generation,
            now_seconds=result.snapshot.wall_seconds,
        ),
        "observedGeneration": view.generation,
    }


def _ready(problems: Sequence[Problem], namespaces: int) -> ConditionState:
    if problems:
        message = ". ".join(problem.message for problem in problems[:SHOWN])
        return ConditionState(READY, FALSE, problems[0].reason, message)
    return ConditionState(READY, TRUE, Reason.POLICY_READY, f"selects {pluralize(namespaces, 'namespace')}")


def _devices(view: TenantPolicyView, result: PlacementResult) -> Iterator[dict[str, Any]]:
    for quota, used in result.quotas.used.items():
        if quota.policy == view.name:
            counted = {"priority": quota.priority and str(quota.priority), "accelerator": quota.accelerator}
            yield {**{key: value for key, value in counted.items() if value}, "max": quota.most, "used": used}


def _over_quota(devices: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    for index, limit in enumerate(devices):
        if limit["used"] > limit["max"]:
            message = (
                f"{limit['used']} devices count against spec.devices[{index}].max of {limit['max']}: what serves stays, and no "
                "replica is added; lower what the namespaces use, or raise the limit"
            )
            yield Problem(Reason.TENANT_QUOTA_EXCEEDED, message)


def _problems(view: TenantPolicyView, namespaces: Sequence[str], result: PlacementResult) -> Iterator[Problem]:
    if view.spec is None:
        yield Problem(Reason.MISCONFIGURED, f"{view.error}: the policy selects no namespace until that is corrected")
        return
    yield from _unknown_pools(view.spec, result)
    yield from _unknown_chips(view.spec, result)
    yield from _conflicts(view, namespaces, result.tenancy)


def _unknown_pools(spec: TenantPolicySpec, result: PlacementResult) -> Iterator[Problem]:
    unknown = [pattern for pattern in spec.pools or () if not any(fnmatchcase(name, pattern) for name in result.pools)]
    if unknown:
        message = f"spec.pools: no AcceleratorPool is named {', '.join(unknown[:SHOWN])}; create it or correct the name"
        yield Problem(Reason.POOL_NOT_FOUND, message)


def _unknown_chips(spec: TenantPolicySpec, result: PlacementResult) -> Iterator[Problem]:
    catalogue = result.snapshot.catalogue
    for index, limit in enumerate(spec.devices):
        if limit.accelerator is not None and catalogue.accelerator(limit.accelerator) is None:
            message = f"spec.devices[{index}].accelerator {limit.accelerator} is not in the catalogue: nothing is counted"
            yield Problem(Reason.ACCELERATOR_UNKNOWN, message)


def _conflicts(view: TenantPolicyView, namespaces: Sequence[str], tenancy: Tenancy) -> Iterator[Problem]:
    """Other policies that decide tenant or cost centre of the same namespace otherwise."""
    for other in tenancy.policies:
        if other.name == view.name or other.spec is None or view.spec is None:
            continue
        shared = sorted({*namespaces} & {*tenancy.selected(other)})
        choices = {
            "tenant": (view.spec.tenant, other.spec.tenant),
            "costCenter": (view.spec.cost_center, other.spec.cost_center),
        }
        for field, (own, foreign) in choices.items():
            name = next((name for name in shared if _differ(own, foreign, name, tenancy)), None)
            if name is not None:
                message = (
                    f"spec.{field} of TenantPolicy {other.name} differs for namespace {name}; that of "
                    f"{min(view.name, other.name)} counts: have one of them decide"
                )
                yield Problem(Reason.POLICY_CONFLICT, message)


def _differ(own: FixedOrLabel | None, foreign: FixedOrLabel | None, namespace: str, tenancy: Tenancy) -> bool:
    if own is None or foreign is None:
        return False
    labels = labels_of(namespace, tenancy.namespaces)
    return decided_value("", own, labels).value != decided_value("", foreign, labels).value
