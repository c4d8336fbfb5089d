"""Everything that a plan depends on, at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelmatrix.api.model_deployment import Priority
from modelmatrix.api.reasons import Reason
from modelmatrix.api.tenant_policy import CustomCode
from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.planning.snapshot.views import (
    Compute,
    DeploymentView,
    NamespacedName,
    NamespaceView,
    NetworkPolicyView,
    NodeView,
    PodView,
    PoolView,
    ServiceView,
    TenantPolicyView,
    WorkloadView,
)


@dataclass(frozen=True, slots=True)
class WriteFailure:
    """The API server refused a write for an object: why, and since when (seconds since the epoch)."""

    reason: Reason
    message: str
    since_seconds: float


@dataclass(frozen=True, slots=True)
class MeasuredSlo:
    """What Prometheus says about one deployment.

    ``attainment_percent`` is the share of requests within the SLO, ``None`` when nothing was measured. ``reason`` says how
    good the signals are; ``bound_message`` names bounds that fell between two histogram buckets.
    """

    reason: Reason
    message: str
    attainment_percent: float | None = None
    ttft_milliseconds: int | None = None
    tpot_milliseconds: int | None = None
    observed_seconds: int = 0
    bound_message: str = ""


@dataclass(frozen=True, slots=True)
class ScaleDecision:
    """What the scaling policy decided for one deployment, before the planner applies today's bounds and places replicas.

    ``by_pool`` are the replicas that belong on each pool; empty without a preference. ``longest_start_seconds`` is the longest
    start to expect; ``None`` if the policy does not learn start times.
    """

    replicas: int
    reason: Reason
    message: str
    by_pool: Mapping[str, int] = field(default_factory=dict)
    longest_start_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class TenantDefaults:
    """What a namespace may use where no TenantPolicy of it says anything.

    A planner by itself allows everything; the operator's settings are stricter. ``shows_tenants``: messages name all
    deployments, because whoever reads them may read these too.
    """

    highest_priority: Priority = Priority.P0
    custom_code: CustomCode = CustomCode.ALLOW
    secret_names: tuple[str, ...] = ("*",)
    shows_tenants: bool = False


# What the chart and the operator default to: P0 and P1, code of models and most Secrets need a TenantPolicy.
SAFE_DEFAULTS = TenantDefaults(Priority.P2, CustomCode.REFUSE, ("weights-*", "api-key-*"))


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """Settings of the operator that change what is planned.

    ``max_rollouts`` of pools and the catalogue go on at once. ``write_namespaces`` are those in which the operator's roles let
    it write; empty for all. ``open_ports`` are ports of engine pods that everybody may reach beside those of API and metrics;
    ``None``: deployments have no NetworkPolicy.
    """

    cluster_domain: str = "cluster.local"
    weights_image: str = "rclone/rclone:1.71"
    group_bind_seconds: float = 60.0
    gateway_metric: bool = False
    max_rollouts: int = 5
    tenancy: TenantDefaults = TenantDefaults()
    write_namespaces: frozenset[str] = frozenset()
    open_ports: tuple[int, ...] | None = None

    def may_write(self, namespace: str) -> bool:
        """Whether objects may be written in a namespace."""
        return not self.write_namespaces or namespace in self.write_namespaces


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State of the cluster, signals and clock.

    Both times are since the epoch: ``now_seconds`` in model time, for schedules; ``real_seconds`` in the time that objects
    carry. They differ only where a demonstration makes time run ``time_scale`` times as fast. ``lost_nodes`` are nodes that a
    what-if plan takes away: they are not in ``nodes``. ``background`` is what pods that are not in ``pods`` use of each node:
    they hold no devices and nothing else of them is read.
    """

    now_seconds: float
    catalogue: Catalogue
    deployments: tuple[DeploymentView, ...] = ()
    pools: tuple[PoolView, ...] = ()
    nodes: tuple[NodeView, ...] = ()
    lost_nodes: tuple[NodeView, ...] = ()
    pods: tuple[PodView, ...] = ()
    background: Mapping[str, Compute] = field(default_factory=dict)
    workloads: tuple[WorkloadView, ...] = ()
    services: tuple[ServiceView, ...] = ()
    network_policies: tuple[NetworkPolicyView, ...] = ()
    namespaces: tuple[NamespaceView, ...] = ()
    tenant_policies: tuple[TenantPolicyView, ...] = ()
    runtime_classes: frozenset[str] = frozenset()
    leader_worker_sets: bool = True
    failures: Mapping[NamespacedName, WriteFailure] = field(default_factory=dict)
    measured: Mapping[NamespacedName, MeasuredSlo] = field(default_factory=dict)
    decisions: Mapping[NamespacedName, ScaleDecision] = field(default_factory=dict)
    settings: PlanSettings = PlanSettings()
    real_seconds: float = 0.0
    time_scale: float = 1.0

    @property
    def wall_seconds(self) -> float:
        """The time that is written into objects."""
        return self.real_seconds or self.now_seconds

    def age_seconds(self, since_seconds: float) -> float:
        """Model time since a time that an object carries."""
        return (self.wall_seconds - since_seconds) * self.time_scale
