"""What should exist for one deployment on one pool: everything that its manifests depend on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from modelmatrix.api.accelerator_pool import AcceleratorPoolSpec
from modelmatrix.api.model_deployment import ModelDeploymentSpec
from modelmatrix.api.names import WORKLOAD_NAME_MAX_LENGTH
from modelmatrix.api.weights_source import Source
from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.feasibility.fit import FitResult
from modelmatrix.planning.feasibility.layouts import Layout
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.snapshot.views import DeploymentView, NamespacedName

_HASH_LENGTH = 7


@dataclass(frozen=True, slots=True, eq=False)
class WorkloadTarget:
    """One workload as it should be, but for its number of replicas.

    Two targets are equal when their ``identity`` is: names and generations of what they are made from. So their manifests
    can be remembered instead of being made again.
    """

    key: NamespacedName
    deployment: DeploymentView
    spec: ModelDeploymentSpec
    pool: str
    pool_spec: AcceleratorPoolSpec
    quantization: str
    answer: FitResult
    layout: Layout
    source: Source
    image: str
    identity: tuple[Any, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WorkloadTarget) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)


def workload_name(deployment: str, option: PoolOption) -> str:
    """Name of the workload of an option: the deployment's, and a hash of what cannot change in place."""
    layout = option.answer.layout
    cut = layout.parallelism if layout else None
    parts = (
        option.pool,
        option.quantization,
        option.answer.engine,
        cut and (cut.tensor, cut.pipeline, cut.data, cut.expert),
        layout and layout.nodes,  # a group of nodes is another kind of object
    )
    return f"{deployment[: WORKLOAD_NAME_MAX_LENGTH - _HASH_LENGTH - 1]}-{_hash(parts)}"


@lru_cache(maxsize=4096)
def _hash(parts: tuple[Any, ...]) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:_HASH_LENGTH]


def image_of(option: PoolOption, pool: PoolState) -> str:
    """The engine's image on a pool: the pool's own, or the catalogue's."""
    own = pool.spec.images.get(option.answer.engine) if pool.spec else None
    return own or option.answer.image


def workload_target(view: DeploymentView, option: PoolOption, pool: PoolState) -> WorkloadTarget:
    """The target of a fitting option."""
    layout, source = option.answer.layout, option.source
    if view.spec is None or pool.spec is None or layout is None or source is None:
        raise ValueError(f"{view.key} does not fit on {option.pool}")
    name = workload_name(view.key.name, option)
    image = image_of(option, pool)
    return WorkloadTarget(
        key=NamespacedName(view.key.namespace, name),
        deployment=view,
        spec=view.spec,
        pool=option.pool,
        pool_spec=pool.spec,
        quantization=option.quantization,
        answer=option.answer,
        layout=layout,
        source=source,
        image=image,
        identity=(
            view.uid,
            view.generation,
            pool.view.uid,
            pool.view.generation,
            name,
            image,
            option.answer.max_model_len,
        ),
    )
