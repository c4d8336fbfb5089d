"""Status of a ModelDeployment: what users, autoscalers and GitOps tools read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from modelmatrix.api import names
from modelmatrix.api.conditions import render_conditions, timestamp, truncate_message
from modelmatrix.api.model_deployment import Parallelism
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.feasibility.verdict import Verdict
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan, PoolPlacement, RetiringWorkload
from modelmatrix.planning.placement.pricing import device_costs, sum_by_currency
from modelmatrix.planning.snapshot.snapshot import MeasuredSlo, Snapshot
from modelmatrix.planning.status.capacity_messages import quota_message, shortage_message
from modelmatrix.planning.status.conditions import condition_states
from modelmatrix.planning.status.slo import slo_status

HISTORY_LENGTH = 5
PLACEMENTS_LENGTH = 32


def deployment_status(deployment: DeploymentPlan, snapshot: Snapshot) -> dict[str, Any]:
    """The whole status. Fields without a value are left out."""
    view, previous = deployment.view, deployment.view.status
    placements = _placements(deployment)
    fields = {
        "replicas": deployment.existing,
        "readyReplicas": deployment.ready,
        "desiredReplicas": previous.get("desiredReplicas") if deployment.desired is None else deployment.desired_replicas,
        "selector": f"{names.LABEL_DEPLOYMENT}={view.key.name},{names.LABEL_ROLE}={names.ROLE_LEADER}",
        "model": deployment.model.name if deployment.model else None,
        "placements": placements,
        "placementSummary": _summary(placements),
        "candidates": _candidates(deployment),
        "displacedBy": _displaced_by(deployment),
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


def _placements(deployment: DeploymentPlan) -> list[dict[str, Any]]:
    """Replicas by workload, those of the present spec first, then those that retire."""
    placements = [*map(_placed, deployment.placements), *map(_retiring, deployment.retiring)]
    return placements[:PLACEMENTS_LENGTH]


def _placed(placement: PoolPlacement) -> dict[str, Any]:
    layout = placement.target.layout
    return {
        "pool": placement.option.pool,
        "quantization": str(placement.option.quantization),
        "engine": placement.option.engine,
        "image": placement.workload.image if placement.workload and placement.hold else placement.target.image,
        "devicesPerReplica": layout.devices,
        "nodesPerReplica": layout.nodes,
        "parallelism": _degrees(layout.parallelism),
        "desired": placement.desired,
        "ready": placement.ready,
    }


def _retiring(retiring: RetiringWorkload) -> dict[str, Any]:
    workload = retiring.workload
    return {
        "pool": workload.pool,
        "quantization": workload.quantization,
        "engine": workload.engine,
        "image": workload.image,
        "devicesPerReplica": workload.devices_per_replica,
        "nodesPerReplica": workload.nodes_per_replica,
        "parallelism": _degrees(workload.parallelism),
        "desired": retiring.desired,
        "ready": retiring.observed.ready,
    }


def _degrees(parallelism: Parallelism) -> dict[str, int]:
    return {
        "tensor": parallelism.tensor,
        "pipeline": parallelism.pipeline,
        "data": parallelism.data,
        "expert": parallelism.expert,
    }


def _summary(placements: Iterable[Mapping[str, Any]]) -> str:
    parts = [f"{entry['pool']}/{entry['quantization']}:{entry['desired']}" for entry in placements if entry["desired"]]
    return " ".join(parts) or "-"


def _candidates(deployment: DeploymentPlan) -> list[dict[str, Any]]:
    candidates, is_short = [], deployment.shortage > 0
    for option in deployment.options:
        verdict, reason, message = option.verdict, option.reason, option.message
        if is_short and option.fits and not deployment.free_replicas_by_pool.get(option.pool):
            verdict, reason = Verdict.NO_CAPACITY, Reason.INSUFFICIENT_DEVICES
            message = shortage_message(option, deployment.pools[option.pool])
            if option.pool in deployment.quotas:
                reason, message = Reason.TENANT_QUOTA_EXCEEDED, quota_message(option, deployment.quotas[option.pool])
        candidates.append(
            {
                "pool": option.pool,
                "quantization": str(option.quantization),
                "engine": option.engine,
                "verdict": str(verdict),
                "reason": str(reason),
                "message": truncate_message(message),
            }
        )
    return candidates


def _displaced_by(deployment: DeploymentPlan) -> list[dict[str, Any]] | None:
    """Who has the devices of missing replicas; deployments of other tenants by a pseudonym."""
    reader, names = deployment.key.namespace, deployment.names
    references = ((names.reference(reader, key), count) for key, count in deployment.displaced_by.items())
    return [{**reference._asdict(), "replicas": count} for reference, count in sorted(references)] or None


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
