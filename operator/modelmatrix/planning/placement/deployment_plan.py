"""What a plan decides for one deployment, and the observations behind it: actions, status, metrics and the CLI read this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelmatrix.api import names
from modelmatrix.api.model_deployment import ModelDeploymentSpec
from modelmatrix.catalogue.catalogue import KnownModel
from modelmatrix.planning.desired.replicas import DesiredReplicas
from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.inventory.held_replicas import ObservedReplica
from modelmatrix.planning.inventory.observed_replicas import WorkloadReplicas
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.rendering.manifest import first_drift
from modelmatrix.planning.rendering.workload_target import WorkloadTarget
from modelmatrix.planning.rendering.workloads import Template
from modelmatrix.planning.snapshot.snapshot import WriteFailure
from modelmatrix.planning.snapshot.views import DeploymentView, NamespacedName, ServiceView, WorkloadView
from modelmatrix.planning.tenancy.quota import Quota
from modelmatrix.planning.tenancy.visibility import TenantNames


@dataclass(frozen=True, slots=True)
class PoolPlacement:
    """Replicas of a deployment on one pool.

    ``replicas`` is the number for the workload's ``spec.replicas``; ``waiting`` further ones wait until whole nodes are free.
    ``placed`` replicas have devices; ``new_nodes`` are the nodes of those that the plan packed, one tuple a replica.
    ``surge`` says whether one more replica would find room.
    """

    option: PoolOption
    target: WorkloadTarget
    template: Template
    workload: WorkloadView | None
    observed: WorkloadReplicas | None
    replicas: int
    waiting: int
    placed: int
    new_nodes: tuple[tuple[str, ...], ...]
    surge: bool

    @property
    def desired(self) -> int:
        """Replicas that belong on the pool."""
        return self.replicas + self.waiting

    @property
    def ready(self) -> int:
        """Replicas that serve."""
        return self.observed.ready if self.observed else 0

    @property
    def is_rolling(self) -> bool:
        """Whether pods of the present template are missing, or will be as soon as this plan is carried out."""
        return self.workload is not None and (self.workload.rolling or not self.is_current)

    @property
    def is_outdated(self) -> bool:
        """Whether pods of an older template exist; pods that are merely missing do not count."""
        return self.workload is not None and (self.workload.outdated or not self.is_current)

    @property
    def is_current(self) -> bool:
        """Whether the template is the one that was applied last."""
        return self.workload is not None and self.workload.digest == self.template.digest

    @property
    def change_cause(self) -> str:
        """Path of the first field that the template changes in the stored workload, e.g. ``spec.replicas``.

        The apply stores it with the workload, so it is still known while pods of the older template exist. Empty after that:
        pods that are missing later have other reasons.
        """
        if self.workload is None:
            return ""
        stored = self.workload.manifest
        if not self.is_current:
            return first_drift(stored, self.template.manifest)
        if not self.is_outdated:
            return ""
        return str(stored.get("metadata", {}).get("annotations", {}).get(names.CHANGE_CAUSE, ""))


@dataclass(frozen=True, slots=True)
class RetiringWorkload:
    """A workload that no option of the spec stands for any more; ``replicas`` of it stay for now."""

    workload: WorkloadView
    observed: WorkloadReplicas
    replicas: int

    @property
    def desired(self) -> int:
        """Replicas that stay for now; none of a workload that is being deleted."""
        return 0 if self.workload.deleting else self.replicas


@dataclass(frozen=True, slots=True)
class EvictedReplica:
    """A running replica that must go so that another deployment gets just its devices."""

    pool: str
    replica: ObservedReplica


@dataclass(frozen=True, slots=True)
class DeploymentPlan:
    """One deployment after placement.

    ``options`` are the pools of the spec with their verdicts, ``fitting`` those that can run the model. ``desired`` is ``None``
    where the spec cannot be followed; ``error`` then says why. ``placements`` and ``retiring`` are disjoint; ``observed``
    has the workloads of both.

    ``shortage`` replicas found no devices. ``refused`` says that devices are free and the scheduler does not bind a group to
    them. ``preempted_by`` counts the replicas that this plan takes away, by the deployment that gets their devices;
    ``displaced_by`` counts missing replicas by the deployment that has their devices, those of earlier plans too.

    ``names`` decides which other deployments its messages may name. ``quotas`` are the device quotas that keep missing
    replicas from a pool; ``exceeded`` is one that the tenant is over, since it was lowered.

    ``free_replicas_by_pool`` are the replicas that each fitting pool could still take; empty unless replicas are missing or
    scaled. ``pools`` are those of the whole plan, after what it hands out.
    """

    view: DeploymentView
    model: KnownModel | None
    options: tuple[PoolOption, ...]
    fitting: tuple[PoolOption, ...]
    error: str
    service: ServiceView | None
    service_template: Template
    desired: DesiredReplicas | None
    placements: tuple[PoolPlacement, ...]
    retiring: tuple[RetiringWorkload, ...]
    observed: tuple[tuple[WorkloadView, WorkloadReplicas], ...]
    placed: int
    shortage: int
    refused: bool
    preempted_by: Mapping[NamespacedName, int]
    displaced_by: Mapping[NamespacedName, int]
    names: TenantNames
    quotas: Mapping[str, Quota]
    exceeded: Quota | None
    evicted: tuple[EvictedReplica, ...]
    free_replicas_by_pool: Mapping[str, int]
    pools: Mapping[str, PoolState]
    failure: WriteFailure | None
    ready: int
    existing: int

    @property
    def key(self) -> NamespacedName:
        """Identity of the deployment."""
        return self.view.key

    @property
    def spec(self) -> ModelDeploymentSpec | None:
        """The spec; ``None`` when it cannot be parsed."""
        return self.view.spec

    @property
    def desired_replicas(self) -> int:
        """Replicas that the deployment should have now; 0 where that is not known."""
        return self.desired.replicas if self.desired else 0
