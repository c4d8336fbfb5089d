"""The fleet at planning time: for each deployment its verdicts, its observed workloads and its desired replicas. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from modelmatrix.api.conditions import PLACED, find_condition, parse_timestamp
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.desired.cron import ScheduleError
from modelmatrix.planning.desired.replicas import DesiredReplicas, desired_replicas
from modelmatrix.planning.desired.schedule import longest_start_seconds
from modelmatrix.planning.feasibility.assess import Assessment, PoolOption
from modelmatrix.planning.inventory.held_replicas import ObservedWorkload
from modelmatrix.planning.inventory.observed_replicas import WorkloadReplicas, observed_replicas
from modelmatrix.planning.inventory.ownership import owned_dependent, owns_workload
from modelmatrix.planning.placement.allocation import ReplicaDemand
from modelmatrix.planning.rendering.workload_target import workload_name
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import DeploymentView, NamespacedName, ServiceView, WorkloadView

PATIENCE_PER_TRY = 5  # of five times that a group may take to be bound, one is for trying again


@dataclass(frozen=True, slots=True)
class DeploymentInputs:
    """One deployment with what is observed of it and how many replicas it should have.

    ``current`` are workloads that an option of the spec stands for, by pool; ``retired`` are the others. ``desired`` is
    ``None`` where the spec cannot be followed; ``error`` then says why. ``shares`` are the replicas that the scaling policy
    places on each pool. ``backs_off`` says that no group may be made for a while.
    """

    view: DeploymentView
    assessment: Assessment
    current: Mapping[str, WorkloadView]
    retired: tuple[WorkloadView, ...]
    service: ServiceView | None
    desired: DesiredReplicas | None
    error: str
    shares: Mapping[str, int]
    backs_off: bool

    @property
    def key(self) -> NamespacedName:
        """Identity of the deployment."""
        return self.view.key

    @property
    def fitting(self) -> tuple[PoolOption, ...]:
        """Options that can run the model."""
        return self.assessment.fitting

    @property
    def workloads(self) -> list[WorkloadView]:
        """All workloads, current ones first."""
        return [*self.current.values(), *self.retired]


@dataclass(frozen=True, slots=True)
class Fleet:
    """All deployments by identity, and the observed replicas of their workloads.

    Pods from before ``oldest_seconds`` should have their nodes by now.
    """

    deployments: Mapping[NamespacedName, DeploymentInputs]
    replicas: Mapping[NamespacedName, WorkloadReplicas]
    oldest_seconds: float

    def ready(self, workloads: Sequence[WorkloadView]) -> int:
        """Replicas that serve, over several workloads."""
        return sum(self.replicas[workload.key].ready for workload in workloads)

    def demands(self) -> Iterator[ReplicaDemand]:
        """Demands of the deployments that a pool can run and whose desired number is known."""
        for inputs in self.deployments.values():
            if inputs.desired is not None and inputs.fitting:
                yield self._demand(inputs, inputs.desired.replicas)

    def held(self, workload: WorkloadView) -> ObservedWorkload:
        """What a workload holds of its pool."""
        return self.replicas[workload.key].held(workload, self.oldest_seconds)

    def _demand(self, inputs: DeploymentInputs, replicas: int) -> ReplicaDemand:
        held = {pool: self.held(workload) for pool, workload in inputs.current.items() if not workload.deleting}
        retired = self._retired_devices(inputs)
        return ReplicaDemand(
            inputs.view,
            inputs.fitting,
            replicas,
            held,
            inputs.shares,
            retired,
            backs_off=inputs.backs_off,
            retiring=sum(workload.replicas for workload in inputs.retired if not workload.deleting),
        )

    def _retired_devices(self, inputs: DeploymentInputs) -> Mapping[str, Counter[str]]:
        """Devices that retired workloads hold, by pool and node."""
        retired: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for workload in inputs.retired:
            devices_per_node = workload.devices_per_replica // workload.nodes_per_replica
            for replica in self.replicas[workload.key].replicas:
                for pod in replica.pods:
                    if pod.node:
                        retired[workload.pool][pod.node] += devices_per_node
        return retired


def build_fleet(snapshot: Snapshot, assessments: Mapping[NamespacedName, Assessment]) -> Fleet:
    """The fleet of the deployments that were assessed; objects belong to them by owner (see ``ownership``)."""
    patience = snapshot.settings.group_bind_seconds / snapshot.time_scale
    workloads: defaultdict[NamespacedName, list[WorkloadView]] = defaultdict(list)
    for workload in snapshot.workloads:
        workloads[NamespacedName(workload.key.namespace, workload.deployment)].append(workload)
    services = {service.key: service for service in snapshot.services}
    return Fleet(
        {
            view.key: _inputs(view, assessments[view.key], workloads.get(view.key, ()), services.get(view.key), snapshot)
            for view in snapshot.deployments
            if view.key in assessments
        },
        observed_replicas(snapshot.workloads, snapshot.pods),
        snapshot.wall_seconds - patience,
    )


def _inputs(
    view: DeploymentView,
    assessment: Assessment,
    workloads: Sequence[WorkloadView],
    service: ServiceView | None,
    snapshot: Snapshot,
) -> DeploymentInputs:
    current, retired = _current_and_retired(view, assessment, workloads)
    decision = snapshot.decisions.get(view.key)
    desired, error = _desired(view, assessment, [*current.values(), *retired], current, snapshot)
    return DeploymentInputs(
        view=view,
        assessment=assessment,
        current=current,
        retired=tuple(retired),
        service=owned_dependent(view, service),
        desired=desired,
        error=error,
        shares=decision.by_pool if decision and not assessment.error and view.spec else {},
        backs_off=_backs_off(view, snapshot),
    )


def _current_and_retired(
    view: DeploymentView, assessment: Assessment, workloads: Sequence[WorkloadView]
) -> tuple[dict[str, WorkloadView], list[WorkloadView]]:
    current: dict[str, WorkloadView] = {}
    retired: list[WorkloadView] = []
    names = {workload_name(view.key.name, option): option for option in assessment.fitting} if workloads else {}
    for workload in workloads:
        if not owns_workload(view, workload):
            continue
        option = names.get(workload.key.name)
        if option is None:
            retired.append(workload)
        else:
            current[option.pool] = workload
    return current, retired


def _backs_off(view: DeploymentView, snapshot: Snapshot) -> bool:
    """Whether groups that the scheduler left partly bound must wait: most of the time since the status says so."""
    placed = find_condition(view.status, PLACED) or {}
    if placed.get("reason") != Reason.UNSCHEDULABLE or placed.get("observedGeneration") != view.generation:
        return False
    patience = snapshot.settings.group_bind_seconds
    age = snapshot.age_seconds(parse_timestamp(placed.get("lastTransitionTime", "")))
    return age % (PATIENCE_PER_TRY * patience) < (PATIENCE_PER_TRY - 1) * patience


def _desired(
    view: DeploymentView,
    assessment: Assessment,
    workloads: Sequence[WorkloadView],
    current: Mapping[str, WorkloadView],
    snapshot: Snapshot,
) -> tuple[DesiredReplicas | None, str]:
    """The number of replicas, or ``None`` with the reason why it is not known."""
    if view.spec is None or assessment.error:
        return None, assessment.error
    decision = snapshot.decisions.get(view.key)
    try:
        desired = desired_replicas(
            view.spec,
            current=_last_desired(view, workloads, current),
            decision=decision,
            now_seconds=snapshot.now_seconds,
            start_seconds=longest_start_seconds(decision, (option.start_seconds for option in assessment.fitting)),
        )
    except ScheduleError as error:
        return None, str(error)
    return desired, ""


def _last_desired(view: DeploymentView, workloads: Sequence[WorkloadView], current: Mapping[str, WorkloadView]) -> int:
    """The number of replicas decided last, which stays when no policy says another.

    What workloads hold is less where devices are short, and more while a rollout to new workloads has both.
    """
    stored = view.status.get("desiredReplicas")
    counted = workloads if stored is None else current.values()
    return max(stored or 0, sum(workload.replicas for workload in counted if not workload.deleting))
