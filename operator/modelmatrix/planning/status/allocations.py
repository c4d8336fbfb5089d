"""Replicas of a deployment by pool, those of retiring workloads too. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modelmatrix.api.model_deployment import Parallelism
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan, PoolPlacement, RetiringWorkload


class AllocatedReplicas(NamedTuple):
    """Replicas of a deployment on a pool: ``desired`` stay or come, ``ready`` serve."""

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
    """All replicas by workload, those of the present spec first."""
    yield from map(_placed, deployment.placements)
    yield from map(_retiring, deployment.retiring)


def _placed(placement: PoolPlacement) -> AllocatedReplicas:
    layout = placement.target.layout
    return AllocatedReplicas(
        pool=placement.option.pool,
        quantization=str(placement.option.quantization),
        engine=placement.option.engine,
        image=placement.target.image,
        devices=layout.devices,
        nodes=layout.nodes,
        parallelism=layout.parallelism,
        desired=placement.desired,
        ready=placement.ready,
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
        desired=retiring.desired,
        ready=retiring.observed.ready,
    )
