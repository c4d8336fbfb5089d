"""What a deployment holds: its workloads by pool, those that retire too, and what their devices cost. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from modelmatrix.api.model_deployment import Parallelism
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan, PoolPlacement, RetiringWorkload


class AllocatedReplicas(NamedTuple):
    """Replicas of a deployment on a pool: ``desired`` are to stay or to come, ``ready`` serve."""

    pool: str
    quantization: str
    engine: str
    image: str
    devices: int
    nodes: int
    parallelism: Parallelism
    desired: int
    ready: int


def allocations(deployment: DeploymentPlan) -> Iterator[AllocatedReplicas]:
    """All holdings, those of the present spec first."""
    yield from map(_placed, deployment.placements)
    yield from map(_retiring, deployment.retiring)


def costs(held: Iterable[AllocatedReplicas], pools: Mapping[str, PoolState]) -> dict[tuple[str, str], Decimal]:
    """Price of the devices held for an hour, by pool and currency; pools without a price are left out."""
    sums: dict[tuple[str, str], Decimal] = {}
    for item in held:
        pool = pools.get(item.pool)
        price = pool.spec.price if pool is not None and pool.spec is not None else None
        if price is not None:
            name = item.pool, price.currency
            sums[name] = sums.get(name, Decimal(0)) + Decimal(price.amount) * item.devices * item.desired
    return sums


def _placed(item: PoolPlacement) -> AllocatedReplicas:
    layout = item.target.layout
    return AllocatedReplicas(
        pool=item.option.pool,
        quantization=str(item.option.quantization),
        engine=item.option.answer.engine,
        image=item.target.image,
        devices=layout.devices,
        nodes=layout.nodes,
        parallelism=layout.parallelism,
        desired=item.desired,
        ready=item.ready,
    )


def _retiring(retiring: RetiringWorkload) -> AllocatedReplicas:
    workload = retiring.workload
    return AllocatedReplicas(
        pool=workload.pool,
        quantization=workload.quantization,
        engine=workload.engine,
        image=workload.image,
        devices=workload.devices_per_replica,
        nodes=workload.nodes_per_replica,
        parallelism=workload.parallelism,
        desired=0 if workload.deleting else retiring.replicas,
        ready=retiring.observed.ready,
    )
