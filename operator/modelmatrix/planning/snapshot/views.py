"""Observed objects as the planner sees them: small, immutable, without anything that it does not read.

They are made where objects are read (``cluster.views``, ``cli.inputs``), so a new version of a kind changes the reader alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from modelmatrix.api.accelerator_pool import AcceleratorPoolSpec
from modelmatrix.api.model_deployment import ModelDeploymentSpec, Parallelism
from modelmatrix.api.reasons import Reason
from modelmatrix.api.tenant_policy import TenantPolicySpec


class NamespacedName(NamedTuple):
    """Identity of a namespaced object."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class PolicyNote(NamedTuple):
    """What a TenantPolicy changes in a spec, or what of it is not allowed: the reason and a message with the remedy."""

    reason: Reason
    message: str


class Compute(NamedTuple):
    """What pods use of a node beside devices: CPU in thousandths of a core, memory and local storage in bytes, and pods."""

    cpu_millicores: int = 0
    memory_bytes: int = 0
    storage_bytes: int = 0
    pods: int = 0

    def plus(self, other: Compute) -> Compute:
        """The sum of both."""
        return Compute(*(own + more for own, more in zip(self, other, strict=True)))

    def minus(self, other: Compute) -> Compute:
        """What is left; below zero where more is used than there is."""
        return Compute(*(own - less for own, less in zip(self, other, strict=True)))


NO_COMPUTE = Compute()


@dataclass(frozen=True, slots=True)
class DeploymentView:
    """A ModelDeployment. ``spec`` is ``None`` when it cannot be parsed; ``error`` then says why.

    ``status`` is the stored status, ``created_seconds`` the creation time since the epoch. ``notes`` say what TenantPolicies
    have changed in ``spec``; there are none in a view of the cluster.
    """

    key: NamespacedName
    uid: str
    generation: int
    created_seconds: float
    spec: ModelDeploymentSpec | None
    error: str = ""
    deleting: bool = False
    paused: bool = False
    status: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[PolicyNote, ...] = ()


@dataclass(frozen=True, slots=True)
class NamespaceView:
    """A namespace: TenantPolicies select it by its labels."""

    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TenantPolicyView:
    """A TenantPolicy; as with deployments, ``spec`` is ``None`` when it cannot be parsed, and it then selects nothing."""

    name: str
    uid: str
    generation: int
    spec: TenantPolicySpec | None
    error: str = ""
    status: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PoolView:
    """An AcceleratorPool; as with deployments, ``spec`` is ``None`` when it cannot be parsed, and people may have paused it."""

    name: str
    uid: str
    generation: int
    spec: AcceleratorPoolSpec | None
    error: str = ""
    paused: bool = False
    status: Mapping[str, Any] = field(default_factory=dict)


class Taint(NamedTuple):
    """A taint of a node. ``effect`` is NoSchedule, PreferNoSchedule or NoExecute."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node: its labels, its taints and its devices by resource name; ``capacity`` counts unhealthy devices too.

    ``compute`` is what the node offers to pods beside devices; ``None`` where the node does not say.
    """

    name: str
    labels: Mapping[str, str]
    ready: bool
    schedulable: bool
    allocatable: Mapping[str, int]
    capacity: Mapping[str, int]
    taints: tuple[Taint, ...] = ()
    compute: Compute | None = None


class Stage(StrEnum):
    """How far a pod has come: the last thing that the cluster did for it."""

    CREATED = "Created"  # it has no node
    BOUND = "Bound"  # the scheduler gave it a node
    PULLED = "Pulled"  # the kubelet has made a container of it, so an image is on the node
    STARTED = "Started"  # all of its main containers run
    SERVING = "Serving"  # it is Ready
    DRAINING = "Draining"  # it terminates
    FAILED = "Failed"  # it has ended and holds no devices; its controller makes another one


class Component(StrEnum):
    """What reports a problem."""

    SCHEDULER = "scheduler"
    KUBELET = "kubelet"
    CONTAINER = "container"
    CONTROLLER = "controller"


@dataclass(frozen=True, slots=True)
class PodProblem:
    """What keeps a pod from serving, or a workload from its pods: ``message`` has the component's own words.

    Values that change with every try (names of pods, pauses) are cut from the words. ``since_seconds`` since the epoch: from
    then on the component has had time to get over it.
    """

    reason: Reason
    component: Component
    message: str
    since_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PodView:
    """A pod that holds devices, or that a managed workload created.

    ``node`` is empty until it is bound, since ``bound_seconds``. ``workload`` is the managed workload that created it, empty
    for foreign pods; ``controller_uid`` is the UID of its controller, e.g. a ReplicaSet. ``marked`` says that its controller
    will remove it first. ``ended_seconds``: when a pod in stage FAILED ended. ``requests`` is what it reserves of its node
    beside devices. ``grace_ends_seconds``: when a pod that terminates should have ended. ``priority_class`` may be empty.
    """

    key: NamespacedName
    uid: str
    node: str
    devices: Mapping[str, int]
    created_seconds: float
    deleting: bool = False
    workload: str = ""
    leader: bool = False
    group: str = ""
    ready: bool = False
    ready_seconds: float = 0.0
    marked: bool = False
    stage: Stage = Stage.CREATED
    problem: PodProblem | None = None
    controller_uid: str = ""
    bound_seconds: float = 0.0
    ended_seconds: float = 0.0
    requests: Compute = NO_COMPUTE
    grace_ends_seconds: float = 0.0
    priority_class: str = ""


@dataclass(frozen=True, slots=True)
class ControllerView:
    """A ReplicaSet or StatefulSet, which stands between a pod and its workload; ``controller_uid`` is its own controller's."""

    key: NamespacedName
    uid: str
    controller_uid: str


@dataclass(frozen=True, slots=True)
class WorkloadView:
    """A managed Deployment or LeaderWorkerSet.

    ``manifest`` is the object as stored, without its status; ``version`` changes when that does. ``digest`` is that of the
    manifest applied last, ``template_digest`` of the part of it that needs new pods, ``spec_digest`` of what the deployment's
    own spec says; both are empty for an object of an earlier version. ``rolling``: pods of its template are missing.
    ``outdated``: pods of an older template exist, or the controller has not observed the present one. ``image`` and
    ``parallelism`` are those of its engine. ``failure`` quotes why the API server refuses its pods; ``overdue`` quotes that its
    rollout has passed its deadline; ``paused``: its controller rolls nothing out. ``created_seconds`` since the epoch.
    """

    kind: str
    key: NamespacedName
    uid: str
    version: str
    owner_uid: str
    deployment: str
    pool: str
    quantization: str
    engine: str
    replicas: int
    devices_per_replica: int
    nodes_per_replica: int
    digest: str
    manifest: Mapping[str, Any]
    template_digest: str = ""
    spec_digest: str = ""
    image: str = ""
    parallelism: Parallelism = field(default_factory=Parallelism)
    deleting: bool = False
    failure: PodProblem | None = None
    overdue: PodProblem | None = None
    paused: bool = False
    created_seconds: float = 0.0
    rolling: bool = False
    outdated: bool = False


@dataclass(frozen=True, slots=True)
class ServiceView:
    """A managed Service, or another object that stands beside the workloads of a deployment and is compared as a whole."""

    key: NamespacedName
    uid: str
    version: str
    owner_uid: str
    digest: str
    manifest: Mapping[str, Any]
    deleting: bool = False


NetworkPolicyView = ServiceView
