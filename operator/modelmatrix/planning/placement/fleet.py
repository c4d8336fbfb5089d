"""The fleet at planning time: everything that is known about each deployment, put side by side. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from modelmatrix.api.conditions import PLACED, find_condition, parse_timestamp
from modelmatrix.api.reasons import Reason
from modelmatrix.planning.desired.cron import ScheduleError
from modelmatrix.planning.desired.replicas import DEFAULT_LEAD_SECONDS, DesiredReplicas, desired_replicas
from modelmatrix.planning.feasibility.assess import Assessment, ClusterFacts, PoolOption, assess
from modelmatrix.planning.inventory.observed_replicas import WorkloadReplicas, observed_replicas
from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.placement.allocation import ObservedWorkload, ReplicaDemand
from modelmatrix.planning.rendering.workload_target import workload_name
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import DeploymentView, NamespacedName, ServiceView, WorkloadView

PATIENCE_PER_TRY = 5  # of five times that a group may take to be bound, one is for trying again


@dataclass(slots=True)
class DeploymentInputs:
    """One deployment with what is observed of it and what it wants.

    ``current`` are workloads that an option of the spec stands for, by pool; ``retired`` are the others.
    """

    case: Assessment
    current: dict[str, WorkloadView] = field(default_factory=dict)
    retired: list[WorkloadView] = field(default_factory=list)
    service: ServiceView | None = None
    wanted: DesiredReplicas | None = None
    shares: Mapping[str, int] = field(default_factory=dict)
    backs_off: bool = False
    error: str = ""

    @property
    def key(self) -> NamespacedName:
        """Identity of the deployment."""
        return self.case.view.key

    @property
    def workloads(self) -> list[WorkloadView]:
        """All workloads, current ones first."""
        return [*self.current.values(), *self.retired]


@dataclass(slots=True)
class Fleet:
    """All deployments by identity, and the observed replicas of their workloads.

    Pods from before ``oldest_seconds`` should have their nodes by now.
    """

    members: dict[NamespacedName, DeploymentInputs]
    replicas: Mapping[NamespacedName, WorkloadReplicas]
    oldest_seconds: float

    def ready(self, workloads: Sequence[WorkloadView]) -> int:
        """Replicas that serve, over several workloads."""
        return sum(self.replicas[workload.key].ready for workload in workloads)

    def demand(self, member: DeploymentInputs) -> ReplicaDemand:
        """The member's demand with what it holds."""
        held = {pool: self.held(workload) for pool, workload in member.current.items() if not workload.deleting}
        wanted = member.wanted.replicas if member.wanted else 0
        return ReplicaDemand(member.case, wanted, held, member.shares, self._retired(member), backs_off=member.backs_off)

    def _retired(self, member: DeploymentInputs) -> Mapping[str, Counter[str]]:
        """Devices that retired workloads hold, by pool and node."""
        retired: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for workload in member.retired:
            width = workload.devices_per_replica // workload.nodes_per_replica
            for replica in self.replicas[workload.key].replicas:
                for pod in replica.pods:
                    if pod.node:
                        retired[workload.pool][pod.node] += width
        return retired

    def held(self, workload: WorkloadView) -> ObservedWorkload:
        """What a workload holds of its pool."""
        return self.replicas[workload.key].held(workload, self.oldest_seconds)


def build_fleet(snapshot: Snapshot, pools: Mapping[str, PoolState]) -> Fleet:
    """Put the fleet together."""
    patience = snapshot.settings.group_bind_seconds / snapshot.time_scale
    fleet = Fleet({}, observed_replicas(snapshot.workloads, snapshot.pods), snapshot.wall_seconds - patience)
    workloads: defaultdict[NamespacedName, list[WorkloadView]] = defaultdict(list)
    for workload in snapshot.workloads:
        workloads[NamespacedName(workload.key.namespace, workload.deployment)].append(workload)
    services = {service.key: service for service in snapshot.services}
    around = ClusterFacts(pools, snapshot.catalogue, groups=snapshot.leader_worker_sets)
    for view in snapshot.deployments:
        if view.deleting:
            continue
        member = DeploymentInputs(assess(view, around), service=services.get(view.key), backs_off=_backs_off(view, snapshot))
        _attach(member, [w for w in workloads.get(view.key, ()) if w.owner_uid == view.uid])
        _want(member, snapshot)
        fleet.members[view.key] = member
    return fleet


def _attach(member: DeploymentInputs, workloads: Sequence[WorkloadView]) -> None:
    names = {workload_name(member.key.name, option): option for option in member.case.fitting}
    for workload in workloads:
        option = names.get(workload.key.name)
        if option is None:
            member.retired.append(workload)
        else:
            member.current[option.pool] = workload


def _backs_off(view: DeploymentView, snapshot: Snapshot) -> bool:
    """Whether groups that the scheduler left partly bound must wait: most of the time since the status says so."""
    placed = find_condition(view.status, PLACED) or {}
    if placed.get("reason") != Reason.UNSCHEDULABLE or placed.get("observedGeneration") != view.generation:
        return False
    patience = snapshot.settings.group_bind_seconds
    age = snapshot.age_seconds(parse_timestamp(placed.get("lastTransitionTime", "")))
    return age % (PATIENCE_PER_TRY * patience) < (PATIENCE_PER_TRY - 1) * patience


def _want(member: DeploymentInputs, snapshot: Snapshot) -> None:
    spec = member.case.spec
    if spec is None or member.case.error:
        member.error = member.case.error
        return
    decision = snapshot.decisions.get(member.key)
    member.shares = decision.by_pool if decision else {}
    try:
        member.wanted = desired_replicas(
            spec,
            current=_current(member),
            decision=decision,
            now_seconds=snapshot.now_seconds,
            lead_seconds=_lead_seconds(member.case.fitting),
        )
    except ScheduleError as error:
        member.error = str(error)


def _current(member: DeploymentInputs) -> int:
    """The number of replicas decided last, which stays when no policy says another.

    What workloads hold is less where devices are short, and more while a rollout to new workloads has both.
    """
    said = member.case.view.status.get("desiredReplicas")
    workloads = member.workloads if said is None else member.current.values()
    return max(said or 0, sum(workload.replicas for workload in workloads if not workload.deleting))


def _lead_seconds(options: Sequence[PoolOption]) -> float:
    """Time that the slowest pool needs to start a replica, with a fifth in reserve."""
    return max((1.2 * option.answer.start_seconds for option in options), default=DEFAULT_LEAD_SECONDS)
