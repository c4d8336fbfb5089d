"""Events: a condition whose reason has changed, or a number of replicas. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

from modelmatrix.api import names
from modelmatrix.api.conditions import FALSE, PLACED, TRUE, event_actions
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.actions.action import EventRecord
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.snapshot.views import NamespacedName, TenantPolicyView

_DEPLOYMENT_ACTIONS = event_actions(names.MODEL_DEPLOYMENTS)
_POOL_ACTIONS = event_actions(names.ACCELERATOR_POOLS)
_POLICY_ACTIONS = event_actions(names.TENANT_POLICIES)
_QUIET = (
    Reason.REPLICA_STARTING,
    Reason.REPLICAS_READY,
    Reason.NO_SLO,
    Reason.SCALED_TO_ZERO,
    Reason.STEADY,
    Reason.SIGNALS_FRESH,
    Reason.NO_TRAFFIC,
    Reason.POOL_READY,
    Reason.POLICY_READY,
)


def deployment_events(deployment: DeploymentPlan, status: Mapping[str, Any]) -> Iterator[EventRecord]:
    """Events about a deployment: changed conditions, and a changed number of replicas."""
    view = deployment.view
    emitted: set[str] = set()
    for condition in _changed(status, view.status, _DEPLOYMENT_ACTIONS):
        if condition["reason"] not in emitted and _is_news(condition, view.status):
            emitted.add(condition["reason"])
            yield EventRecord(
                names.MODEL_DEPLOYMENTS,
                view.key,
                view.uid,
                _DEPLOYMENT_ACTIONS[condition["type"]],
                reason=Reason(condition["reason"]),
                message=condition["message"],
                warning=condition["status"] == FALSE,
            )
    yield from _scaling(deployment, status)


def _is_news(condition: Mapping[str, Any], previous: Mapping[str, Any]) -> bool:
    """Emit an Event for every change for the worse; for one to the better after a worse one, and for the first placement."""
    if condition["reason"] in _QUIET or condition["status"] not in (TRUE, FALSE):
        return False
    if condition["status"] == FALSE or condition["type"] == PLACED:
        return True
    before = {entry.get("type"): entry.get("status") for entry in previous.get("conditions", ())}
    return before.get(condition["type"]) == FALSE


def _scaling(deployment: DeploymentPlan, status: Mapping[str, Any]) -> Iterator[EventRecord]:
    view = deployment.view
    history, before = status.get("scalingHistory", []), view.status.get("scalingHistory", [])
    if not history or history == before:
        return
    record = history[0]
    yield EventRecord(
        names.MODEL_DEPLOYMENTS,
        view.key,
        view.uid,
        "Scale",
        reason=Reason(record["reason"]),
        message=f"from {record['from']} to {record['to']} replicas: {record['message']}",
    )


def pool_events(pool: PoolState, status: Mapping[str, Any]) -> Iterator[EventRecord]:
    """Events about a pool: its Ready condition changed for the worse, or recovered."""
    view = pool.view
    for condition in _changed(status, view.status, _POOL_ACTIONS):
        if condition["reason"] not in _QUIET or view.status.get("conditions"):
            yield EventRecord(
                names.ACCELERATOR_POOLS,
                NamespacedName("", view.name),
                view.uid,
                _POOL_ACTIONS[condition["type"]],
                reason=Reason(condition["reason"]),
                message=condition["message"],
                warning=condition["status"] == FALSE,
            )


def policy_events(view: TenantPolicyView, status: Mapping[str, Any]) -> Iterator[EventRecord]:
    """Events about a TenantPolicy: its Ready condition changed for the worse, or recovered."""
    for condition in _changed(status, view.status, _POLICY_ACTIONS):
        if condition["reason"] not in _QUIET or view.status.get("conditions"):
            yield EventRecord(
                names.TENANT_POLICIES,
                NamespacedName("", view.name),
                view.uid,
                _POLICY_ACTIONS[condition["type"]],
                reason=Reason(condition["reason"]),
                message=condition["message"],
                warning=condition["status"] == FALSE,
            )


def _changed(status: Mapping[str, Any], previous: Mapping[str, Any], types: Container[str]) -> list[Mapping[str, Any]]:
    """Conditions whose status or reason differs from what was stored."""
    before = {entry.get("type"): (entry.get("status"), entry.get("reason")) for entry in previous.get("conditions", ())}
    return [
        condition
        for condition in status.get("conditions", ())
        if condition["type"] in types and before.get(condition["type"]) != (condition["status"], condition["reason"])
    ]
