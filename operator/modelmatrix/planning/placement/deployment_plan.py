"""What a plan decides for one deployment, and the observations behind it: actions, status, metrics and the CLI read this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelmatrix.api import names
from modelmatrix.api.model_deployment import ModelDeploymentSpec
from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.catalogue import KnownModel
from modelmatrix.planning.desired.replicas import DesiredReplicas
from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.inventory.held_replicas import ObservedReplica
from modelmatrix.planning.inventory.observed_replicas import WorkloadReplicas
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.placement.template_choice import Hold, TemplateChoice
from modelmatrix.planning.rendering.manifest import first_drift
from modelmatrix.planning.rendering.pod_templates import rolling_part, waiting_fields, without_soft_fields
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
    ``surge`` says whether one more replica would find room. ``choice`` is the gate's: which pod template the workload gets;
    ``None`` before the gate has decided.
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
    choice: TemplateChoice | None = None

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
        return self.workload is not None and (self.workload.rolling or self._is_changing)

    @property
    def is_outdated(self) -> bool:
        """Whether pods of an older template exist; pods that are merely missing do not count."""
        return self.workload is not None and (self.workload.outdated or self._is_changing)

    @property
    def is_current(self) -> bool:
        """Whether the workload's pod template needs no new pods; ``without_soft_fields`` says what does not count.

        An object of an earlier version has no digest of it: then the whole manifest must be the same.
        """
        workload, template = self.workload, self.template
        if workload is None:
            return False
        if not workload.template_digest:
            return workload.digest == template.digest
        return workload.template_digest == template.rollout_digest and not self._lacks_tolerations

    @property
    def hold(self) -> Hold | None:
        """Why a change of the pods waits; ``None`` when none does."""
        return self.choice.hold if self.choice else None

    @property
    def waiting_fields(self) -> tuple[str, ...]:
        """Fields of the pods that change with the next rollout, and not before, in words."""
        if self.workload is None or self.choice is None or self.choice.part is None:
            return ()
        return waiting_fields(rolling_part(self.template.manifest), self.choice.part)

    @property
    def _is_changing(self) -> bool:
        return not self.is_current and self.hold is None

    @property
    def _lacks_tolerations(self) -> bool:
        """Whether new pods find no node because of a taint, while the pool has other tolerations than the stored template."""
        if self.observed is None or self.workload is None:
            return False
        problems = self.observed.problems
        if not any(problem.reason is Reason.UNSCHEDULABLE and "taint" in problem.message for problem in problems):
            return False
        return "tolerations" in waiting_fields(rolling_part(self.template.manifest), rolling_part(self.workload.manifest))

    @property
    def change_cause(self) -> str:
        """Path of the first field that the template changes in the stored workload, e.g. ``spec.replicas``.

        The apply stores it with the workload, so it is still known while pods of the older template exist. Empty after that:
        pods that are missing later have other reasons.
        """
        if self.workload is None:
            return ""
        stored = self.workload.manifest
        if self._is_changing:
            old, new = rolling_part(stored), rolling_part(self.template.manifest)
            return first_drift(old, without_soft_fields(new), "spec") or first_drift(old, new, "spec")
        if not self.is_outdated:
            return ""
        return str(stored.get("metadata", {}).get("annotations", {}).get(names.CHANGE_CAUSE, ""))


@dataclass(frozen=True, slots=True)
class RetiringWorkload:
    """A workload that no option of the spec stands for any more; ``replicas`` of it stay for now.

    ``gives_way``: one of the others goes although the new replica that gets its devices does not serve yet.
    """

    workload: WorkloadView
    observed: WorkloadReplicas
    replicas: int
    gives_way: bool = False

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
