"""Status of a ModelDeployment: what users, autoscalers and GitOps tools read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from modelmatrix.api import names
from modelmatrix.api.conditions import render_conditions, timestamp, truncate_message
from modelmatrix.api.model_deployment import Parallelism
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.feasibility.verdict import Verdict
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.placement.pricing import device_costs, sum_by_currency
from modelmatrix.planning.snapshot.snapshot import MeasuredSlo, Snapshot
from modelmatrix.planning.status.allocations import AllocatedReplicas, allocations
from modelmatrix.planning.status.capacity_messages import shortage_message
from modelmatrix.planning.status.conditions import condition_states
from modelmatrix.planning.status.slo import slo_status

HISTORY_LENGTH = 5
PLACEMENTS_LENGTH = 32


def deployment_status(deployment: DeploymentPlan, snapshot: Snapshot) -> dict[str, Any]:
    """The whole status. Fields without a value are left out."""
    view, previous = deployment.view, deployment.view.status
    held = list(allocations(deployment))
    fields = {
        "replicas": deployment.existing,
        "readyReplicas": deployment.ready,
        "desiredReplicas": previous.get("desiredReplicas") if deployment.desired is None else deployment.desired_replicas,
        "selector": f"{names.LABEL_DEPLOYMENT}={view.key.name},{names.LABEL_ROLE}={names.ROLE_LEADER}",
        "model": deployment.model.name if deployment.model else None,
        "placements": [_placement(item) for item in held[:PLACEMENTS_LENGTH]],
        "placementSummary": _summary(held[:PLACEMENTS_LENGTH]),
        "candidates": _candidates(deployment),
        "displacedBy": [{**key._asdict(), "replicas": count} for key, count in deployment.displaced_by.items()] or None,
        "endpoint": f"http://{view.key.name}.{view.key.namespace}.svc.{snapshot.settings.cluster_domain}/v1",
        "slo": _slo(deployment, snapshot.measured.get(view.key), previous.get("slo", {})),
        "costPerHour": _cost(deployment),
        "scalingHistory": _history(deployment, previous, snapshot.wall_seconds),
        "conditions": render_conditions(
            condition_states(deployment, snapshot),
            previous.get("conditions", ()),
            generation=view.generation,
            now_seconds=snapshot.wall_seconds,
        ),
        "observedGeneration": view.generation,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _placement(held: AllocatedReplicas) -> dict[str, Any]:
    return {
        "pool": held.pool,
        "quantization": held.quantization,
        "engine": held.engine,
        "image": held.image,
        "devicesPerReplica": held.devices,
        "nodesPerReplica": held.nodes,
        "parallelism": _cut(held.parallelism),
        "desired": held.desired,
        "ready": held.ready,
    }


def _cut(parallelism: Parallelism) -> dict[str, int]:
    return {
        "tensor": parallelism.tensor,
        "pipeline": parallelism.pipeline,
        "data": parallelism.data,
        "expert": parallelism.expert,
    }


def _summary(held: Iterable[AllocatedReplicas]) -> str:
    parts = [f"{item.pool}/{item.quantization}:{item.desired}" for item in held if item.desired]
    return " ".join(parts) or "-"


def _candidates(deployment: DeploymentPlan) -> list[dict[str, Any]]:
    shown, is_short = [], deployment.shortage > 0
    for option in deployment.options:
        verdict, reason, message = option.verdict, option.reason, option.message
        if is_short and option.fits and not deployment.free_replicas_by_pool.get(option.pool):
            verdict, reason = Verdict.NO_CAPACITY, Reason.INSUFFICIENT_DEVICES
            message = shortage_message(option, deployment.pools[option.pool])
        shown.append(
            {
                "pool": option.pool,
                "quantization": str(option.quantization),
                "engine": option.engine,
                "verdict": str(verdict),
                "reason": str(reason),
                "message": truncate_message(message),
            }
        )
    return shown


def _cost(deployment: DeploymentPlan) -> str | None:
    """Price of the devices per hour, by currency; ``None`` when no pool has a price."""
    sums = sum_by_currency(device_costs(deployment))
    return " + ".join(f"{amount:.2f} {currency}" for currency, amount in sorted(sums.items())) or None


def _slo(deployment: DeploymentPlan, measured: MeasuredSlo | None, previous: Mapping[str, Any]) -> dict[str, Any] | None:
    spec = deployment.spec
    if spec is None:  # it cannot be read, and nothing is measured: the last values stay
        return dict(previous) or None
    values = slo_status(spec.slo, measured, previous) if spec.slo is not None else None
    return dict(values) if values else None


def _history(deployment: DeploymentPlan, previous: Mapping[str, Any], now_seconds: float) -> list[dict[str, Any]]:
    """The last changes of the desired number; the first number of a new deployment is not a change."""
    history = list(previous.get("scalingHistory", ()))
    before, desired = previous.get("desiredReplicas"), deployment.desired
    if before is None or desired is None or before == desired.replicas:
        return history
    record = {
        "time": timestamp(now_seconds),
        "from": before,
        "to": desired.replicas,
        "reason": str(desired.reason),
        "message": truncate_message(desired.message),
    }
    return [record, *history][:HISTORY_LENGTH]
