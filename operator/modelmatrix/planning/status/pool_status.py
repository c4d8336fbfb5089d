"""Status of an AcceleratorPool. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelmatrix.api.conditions import FALSE, POD_SECURITY_RELAXED, READY, TRUE, ConditionState, render_conditions
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.snapshot.snapshot import Snapshot

PROBLEMS_SHOWN = 4


def pool_status(pool: PoolState, snapshot: Snapshot) -> dict[str, Any]:
    """The whole status of a pool."""
    fields = {
        "devices": {
            "total": pool.total,
            "allocated": pool.allocated,
            "free": pool.free_now,
            "unhealthy": pool.unhealthy,
        },
        "nodes": {
            "total": len(pool.nodes),
            "ready": sum(1 for node in pool.nodes if node.ready and node.schedulable),
            "usable": sum(1 for node in pool.nodes if node.usable),
        },
        "shape": pool.shape,
        "conditions": render_conditions(
            _states(pool),
            pool.view.status.get("conditions", ()),
            generation=pool.view.generation,
            now_seconds=snapshot.wall_seconds,
        ),
        "observedGeneration": pool.view.generation,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _states(pool: PoolState) -> Iterator[ConditionState]:
    said = [*pool.problems, *(note for note in pool.notes if note not in pool.problems)]
    if said:
        message = ". ".join(problem.message for problem in said[:PROBLEMS_SHOWN])
        yield ConditionState(READY, FALSE if pool.problems else TRUE, said[0].reason, message)
    else:
        accelerator = pool.accelerator.id if pool.accelerator else ""
        yield ConditionState(READY, TRUE, Reason.POOL_READY, f"{len(pool.nodes)} nodes with {pool.total} devices {accelerator}")
    if pool.relaxed:
        yield ConditionState(
            POD_SECURITY_RELAXED, TRUE, Reason.POD_SECURITY_RELAXED, f"{pool.relaxed}: pods do not meet Pod Security restricted"
        )
