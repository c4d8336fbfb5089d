"""The result of the planner as a document: what ``kubectl matrix plan`` prints, keys as in the public contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from modelmatrix.api import names
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.outlook import Outlook, PlacedOn
from modelmatrix.planning.placement import price_per_hour
from modelmatrix.planning.plan import Plan
from modelmatrix.planning.pools import PoolState
from modelmatrix.planning.views import Key


def plan_document(before: Plan | None, after: Plan, shown: Iterable[Key]) -> dict[str, Any]:
    """The plan as a document.

    Args:
        before: the plan without what is to be applied; ``None`` when there is nothing yet.
        after: the plan with it.
        shown: deployments to show.
    """
    costs = _costs(after)
    currency = next(iter(costs), "CNY")
    spent = _costs(before).get(currency, Decimal(0)) if before else Decimal(0)
    return {
        "apiVersion": names.API_VERSION,
        "kind": "Plan",
        "items": [_item(after, key) for key in sorted(shown) if key in after.outlooks],
        "pools": [_pool(pool, after.taken.get(name, 0)) for name, pool in sorted(after.pools.items())],
        "cost": {"before": f"{spent:.2f}", "after": f"{costs.get(currency, Decimal(0)):.2f}", "currency": currency},
        "displaced": _displaced(after),
    }


def fits(document: Mapping[str, Any]) -> bool:
    """Whether everything that is shown found devices."""
    return all(item["placed"] for item in document["items"])


def _item(plan: Plan, key: Key) -> dict[str, Any]:
    outlook, status = plan.outlooks[key], plan.statuses[key]
    placed = next(condition for condition in status["conditions"] if condition["type"] == "Placed")
    return {
        "namespace": key.namespace,
        "name": key.name,
        "placed": placed["status"] == "True",
        "reason": placed["reason"],
        "message": placed["message"],
        "model": status.get("model", ""),
        "priority": str(outlook.member.case.spec.priority) if outlook.member.case.spec else "",
        "replicas": outlook.desired,
        "candidates": status["candidates"],
        "placements": [_placement(item) for item in outlook.placed if item.desired],
    }


def _placement(item: PlacedOn) -> dict[str, Any]:
    layout, memory = item.target.layout, item.target.layout.memory
    return {
        "pool": item.option.pool,
        "quantization": str(item.option.quantization),
        "engine": item.option.answer.engine,
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


def _costs(plan: Plan) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for outlook in plan.outlooks.values():
        for currency, amount in _prices(outlook):
            sums[currency] = sums.get(currency, Decimal(0)) + amount
    return sums


def _prices(outlook: Outlook) -> Iterable[tuple[str, Decimal]]:
    for item in outlook.placed:
        price = item.target.pool_spec.price
        if price is not None:
            yield price.currency, price_per_hour(item.option, outlook.pools[item.option.pool]) * item.desired


def _displaced(plan: Plan) -> list[dict[str, Any]]:
    return [
        {
            "namespace": key.namespace,
            "name": key.name,
            "replicas": sum(outlook.assignment.displaced_by.values()),
            "reason": str(Reason.DISPLACED),
        }
        for key, outlook in sorted(plan.outlooks.items())
        if outlook.assignment.displaced_by
    ]
