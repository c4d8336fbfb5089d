"""What should exist for one deployment on one pool: every input of its manifest, and nothing else.

Rendering gets a target and nothing beside it, so two equal targets have equal manifests and a manifest is rendered again
exactly when its target differs. An input that is forgotten here cannot be rendered.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from modelmatrix.api.accelerator_pool import AcceleratorPoolSpec
from modelmatrix.api.model_deployment import Priority, SecretKey
from modelmatrix.api.names import WORKLOAD_HASH_LENGTH, workload_name_prefix
from modelmatrix.api.weights_source import Source
from modelmatrix.catalogue.accelerators import Accelerator
from modelmatrix.catalogue.catalogue import Catalogue, KnownModel
from modelmatrix.catalogue.engines import Engine
from modelmatrix.catalogue.metrics import Histograms
from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.feasibility.layouts import Layout
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.snapshot.snapshot import PlanSettings
from modelmatrix.planning.snapshot.views import DeploymentView, NamespacedName


class Owner(NamedTuple):
    """The deployment as its objects name it: in the owner reference and in labels."""

    namespace: str
    name: str
    uid: str
    tenant: str | None
    cost_center: str | None


@dataclass(frozen=True, slots=True)
class WorkloadTarget:
    """One workload as it should be, but for its number of replicas and its update strategy.

    ``image`` is the engine's image on this pool; ``start_seconds`` is how long a replica is expected to take to start.
    """

    key: NamespacedName
    owner: Owner
    priority: Priority
    served_name: str
    secret_name: str | None
    api_key: SecretKey | None
    model: KnownModel
    source: Source
    quantization: str
    pool: str
    pool_spec: AcceleratorPoolSpec
    accelerator: Accelerator
    engine: Engine
    image: str
    layout: Layout
    max_model_len: int
    start_seconds: float
    histograms: Histograms
    weights_image: str


def owner_of(view: DeploymentView) -> Owner:
    """What objects name their deployment by."""
    spec = view.spec
    return Owner(*view.key, view.uid, spec.tenant if spec else None, spec.cost_center if spec else None)


def workload_name(deployment: str, option: PoolOption) -> str:
    """Name of the workload of an option: the deployment's, and a hash of what cannot change in place."""
    layout = option.layout
    parallelism = layout.parallelism if layout else None
    parts = (
        option.pool,
        option.quantization,
        option.engine,
        parallelism and (parallelism.tensor, parallelism.pipeline, parallelism.data, parallelism.expert),
        layout and layout.nodes,  # a group of nodes is another kind of object
    )
    return f"{workload_name_prefix(deployment)}-{_hash(parts)}"


@lru_cache(maxsize=4096)  # a hash of its arguments, one for each option of the fleet, needed in each plan
def _hash(parts: tuple[Any, ...]) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:WORKLOAD_HASH_LENGTH]


def image_of(option: PoolOption, pool: PoolState) -> str:
    """The engine's image on a pool: the pool's own, or the catalogue's."""
    own = pool.spec.images.get(option.engine) if pool.spec else None
    return own or option.image


def workload_target(
    view: DeploymentView, option: PoolOption, pool: PoolState, catalogue: Catalogue, settings: PlanSettings
) -> WorkloadTarget:
    """The target of a fitting option.

    Raises:
        ValueError: the option does not fit.
    """
    spec, layout, source, model, engine = view.spec, option.layout, option.source, option.model, option.engine_facts
    if not (spec and pool.spec and pool.accelerator and layout and source and model and engine):
        raise ValueError(f"{view.key} does not fit on {option.pool}")
    return WorkloadTarget(
        key=NamespacedName(view.key.namespace, workload_name(view.key.name, option)),
        owner=owner_of(view),
        priority=spec.priority,
        served_name=spec.model.served_name or view.key.name,
        secret_name=spec.model.secret_name,
        api_key=spec.api_key,
        model=model,
        source=source,
        quantization=option.quantization,
        pool=option.pool,
        pool_spec=pool.spec,
        accelerator=pool.accelerator,
        engine=engine,
        image=image_of(option, pool),
        layout=layout,
        max_model_len=option.max_model_len,
        start_seconds=option.start_seconds,
        histograms=catalogue.histograms,
        weights_image=settings.weights_image,
    )
