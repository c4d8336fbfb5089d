"""The result of the planner as a document: what ``kubectl matrix plan`` prints, with the keys of the public contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from modelmatrix.api import names
from modelmatrix.api.conditions import PLACED, TRUE, find_condition
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.disruption.gate import changes
from modelmatrix.planning.disruption.rollout import Rollout
from modelmatrix.planning.feasibility.verdict import Verdict
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.placement.deployment_plan import PoolPlacement
from modelmatrix.planning.placement.pricing import device_costs, sum_by_currency
from modelmatrix.planning.plan import Plan
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.planning.status.capacity_messages import preempted_message
from modelmatrix.planning.status.warnings import caveats


def plan_document(before: Plan | None, after: Plan, shown: Iterable[NamespacedName]) -> dict[str, Any]:
    """The plan as a document.

    Args:
        before: the plan without what is to be applied; ``None`` when there is nothing yet.
        after: the plan with it.
        shown: deployments to show.

    ``rollouts`` is there only when pods would be replaced.
    """
    rollouts = [_rollout(number, rollout) for number, rollout in enumerate(changes(after.deployments.values()), start=1)]
    return {
        "apiVersion": names.API_VERSION,
        "kind": "Plan",
        "items": [_item(after, key) for key in sorted(shown) if key in after.deployments],
        "pools": [_pool(pool, after.new_devices.get(name, 0)) for name, pool in sorted(after.pools.items())],
        "cost": _cost(_costs(before) if before else {}, _costs(after)),
        "displaced": _displaced(before, after),
        **({"rollouts": rollouts} if rollouts else {}),
    }


def fits(document: Mapping[str, Any]) -> bool:
    """Whether every deployment of the document found devices."""
    return all(item["placed"] for item in document["items"])


def unusable_pools(item: Mapping[str, Any]) -> list[dict[str, str]]:
    """Pools of the spec that can never run the deployment, as caveats: a deployment that runs elsewhere does not show them."""
    never = [c for c in item["candidates"] if c["verdict"] in (Verdict.IMPOSSIBLE, Verdict.UNLISTED)]
    return [{"reason": c["reason"], "message": f"{c['pool']} is passed over, {c['reason']}: {c['message']}"} for c in never]


def _item(plan: Plan, key: NamespacedName) -> dict[str, Any]:
    deployment, status = plan.deployments[key], plan.statuses[key]
    placed = find_condition(status, PLACED) or {}
    return {
        "namespace": key.namespace,
        "name": key.name,
        "placed": placed["status"] == TRUE,
        "reason": placed["reason"],
        "message": placed["message"],
        "model": status.get("model", ""),
        "priority": str(deployment.spec.priority) if deployment.spec else "",
        "replicas": deployment.desired_replicas,
        "candidates": status["candidates"],
        "placements": [_placement(item) for item in deployment.placements if item.desired],
        "caveats": [{"reason": str(caveat.reason), "message": caveat.message} for caveat in caveats(deployment)],
    }


def _rollout(number: int, rollout: Rollout) -> dict[str, Any]:
    """A workload whose pods would be replaced; ``order`` is its turn, ``inPlace`` says that an old replica goes first."""
    return {
        "order": number,
        "namespace": rollout.key.namespace,
        "name": rollout.key.name,
        "pool": rollout.pool,
        "inPlace": not rollout.placement.surge,
        "field": rollout.field,
        "held": rollout.placement.hold.message if rollout.placement.hold else "",
    }


def _placement(item: PoolPlacement) -> dict[str, Any]:
    layout, memory = item.target.layout, item.target.layout.memory
    return {
        "pool": item.option.pool,
        "quantization": str(item.option.quantization),
        "engine": item.option.engine,
        "image": item.target.image,
        "replicas": item.desired,
        "devicesPerReplica": layout.devices,
        "nodesPerReplica": layout.nodes,
        "parallelism": layout.parallelism.model_dump(),
        "memory": {
            "weightsGiB": round(memory.weights_gibibytes, 2),
            "kvCacheGiB": round(memory.kv_cache_gibibytes, 2),
            "overheadGiB": round(memory.overhead_gibibytes, 2),
            "usableGiB": round(memory.usable_gibibytes, 2),
        },
    }


def _pool(pool: PoolState, taken: int) -> dict[str, Any]:
    allocated = pool.allocated + taken
    return {
        "name": pool.name,
        "devices": {"total": pool.total, "allocated": allocated, "free": max(0, pool.free_now - taken)},
    }


def _cost(before: Mapping[str, Decimal], after: Mapping[str, Decimal]) -> dict[str, Any]:
    """Cost in the currency that most is paid in; ``others`` has the rest, as nothing is exchanged."""
    ranked = sorted({*before, *after}, key=lambda currency: (-after.get(currency, 0), -before.get(currency, 0), currency))
    first, *others = [_change(currency, before, after) for currency in ranked or ["CNY"]]
    return {**first, "others": others}


def _change(currency: str, before: Mapping[str, Decimal], after: Mapping[str, Decimal]) -> dict[str, str]:
    return {"before": f"{before.get(currency, 0):.2f}", "after": f"{after.get(currency, 0):.2f}", "currency": currency}


def _costs(plan: Plan) -> dict[str, Decimal]:
    return sum_by_currency(cost for deployment in plan.deployments.values() for cost in device_costs(deployment))


def _displaced(before: Plan | None, after: Plan) -> list[dict[str, Any]]:
    """Deployments that lose replicas, whether they run already or would only be placed."""
    losses = []
    for key, deployment in sorted(after.deployments.items()):
        known = before.deployments.get(key) if before else None
        wanted_as_before = known is not None and known.desired_replicas == deployment.desired_replicas
        lost = known.placed - deployment.placed if known is not None and wanted_as_before else 0
        replicas = max(lost, sum(deployment.preempted_by.values()))
        if replicas > 0:
            losses.append(_loss(after, key, replicas))
    return losses


def _loss(plan: Plan, key: NamespacedName, replicas: int) -> dict[str, Any]:
    deployment = plan.deployments[key]
    beneficiaries = sorted(deployment.preempted_by.items())
    placed = find_condition(plan.statuses[key], PLACED) or {}
    return {
        "namespace": key.namespace,
        "name": key.name,
        "replicas": replicas,
        "reason": str(Reason.DISPLACED) if beneficiaries else placed["reason"],
        "message": preempted_message(deployment, deployment.preempted_by) if beneficiaries else placed["message"],
        "by": [{"namespace": key.namespace, "name": key.name, "replicas": count} for key, count in beneficiaries],
    }
