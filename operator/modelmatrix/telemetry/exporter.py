"""The operator's metrics: the state of every deployment and pool in the last plan, and the operator's own work.

The series of deployments and pools are built from the last plan at every scrape, so no series outlives its object. Only the
device-seconds of a deleted deployment stay for an hour, so that Prometheus scrapes their final value.
"""

from __future__ import annotations

from collections import Counter as Counts
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from modelmatrix.planning.inventory.pool_state import PoolState
from modelmatrix.planning.placement.pricing import device_costs
from modelmatrix.planning.plan import Plan
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.scaling.observation.observation import Decision, Observation
from modelmatrix.signals.reading import SignalReading

COST_RETENTION_SECONDS = 3600.0

Family = GaugeMetricFamily | CounterMetricFamily


class CostLabels(NamedTuple):
    """The labels of a cost series: the deployment, the pool whose devices it holds, and the tenant and cost center that pay."""

    namespace: str
    name: str
    pool: str
    tenant: str
    cost_center: str


@dataclass(slots=True, eq=False)
class Exporter(Collector):
    """The registry of all metrics. ``plan`` is the last plan; a process that does not lead has none."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    plan: Plan | None = None
    readings: dict[NamespacedName, SignalReading] = field(default_factory=dict)
    _device_seconds: defaultdict[CostLabels, float] = field(default_factory=lambda: defaultdict(float))
    _last_plan_at: float | None = None
    _last_planned_at: dict[NamespacedName, float] = field(default_factory=dict)
    _decisions: defaultdict[NamespacedName, Counts[tuple[str, str]]] = field(default_factory=lambda: defaultdict(Counts))
    leader: Gauge = field(init=False)
    other_installation: Gauge = field(init=False)
    duration: Histogram = field(init=False)
    requests: Counter = field(init=False)
    admission: Histogram = field(init=False)

    def __post_init__(self) -> None:
        self.leader = Gauge("modelmatrix_leader", "1 when this process leads.", registry=self.registry)
        self.other_installation = Gauge(
            "modelmatrix_other_installation_leads",
            "1 when a process of another installation leads this cluster, so that this installation does nothing.",
            registry=self.registry,
        )
        self.duration = Histogram(
            "modelmatrix_reconcile_duration_seconds",
            "Time that one plan of the whole fleet takes.",
            buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
            registry=self.registry,
        )
        self.requests = Counter(
            "modelmatrix_kubernetes_requests",
            "Requests to the API server by verb and code.",
            ("verb", "code"),
            registry=self.registry,
        )
        self.admission = Histogram(
            "modelmatrix_admission_duration_seconds",
            "Time that one admission review takes, by kind and outcome: silent, warned, skipped or failed.",
            ("resource", "outcome"),
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
            registry=self.registry,
        )
        self.registry.register(self)

    def record_plan(self, snapshot: Snapshot, plan: Plan, seconds: float) -> None:
        """Replace the plan, which took ``seconds`` to make, and charge its devices for the time since the last plan."""
        self.duration.observe(seconds)
        elapsed = snapshot.now_seconds - self._last_plan_at if self._last_plan_at is not None else 0.0
        for labels, devices in _devices_held(plan).items():
            self._device_seconds[labels] += devices * max(0.0, elapsed)
        self._last_plan_at = snapshot.now_seconds
        for key in self._decisions.keys() - plan.deployments.keys():
            del self._decisions[key]
        self._prune_costs(plan, snapshot.wall_seconds)
        self.plan = plan

    def _prune_costs(self, plan: Plan, now: float) -> None:
        """Drop the device-seconds of deployments that have been absent for ``COST_RETENTION_SECONDS``."""
        self._last_planned_at |= dict.fromkeys(plan.deployments, now)
        gone = {key for key, seconds in self._last_planned_at.items() if now - seconds > COST_RETENTION_SECONDS}
        for labels in [labels for labels in self._device_seconds if gone and (labels.namespace, labels.name) in gone]:
            del self._device_seconds[labels]
        for key in gone:
            del self._last_planned_at[key]

    def count_decision(self, key: NamespacedName, observation: Observation, decision: Decision) -> None:
        """Count a scaling decision by its direction (up, down, hold) and its reason."""
        change = decision.replicas - observation.desired
        direction = "up" if change > 0 else "down" if change < 0 else "hold"
        self._decisions[key][direction, str(decision.reason)] += 1

    def observe_admission(self, resource: str, outcome: str, seconds: float) -> None:
        """Count an admission review and its time."""
        self.admission.labels(resource, outcome).observe(seconds)

    def collect(self) -> Iterator[Family]:
        """All series of deployments and pools, built from the last plan; none without a plan."""
        if self.plan is None:
            return
        for builder in (_replicas, _attainment, _conditions, _costs, _pool_devices):
            yield builder(self.plan)
        yield self._device_seconds_family()
        yield self._decisions_family()
        yield self._signal_ages()

    def _device_seconds_family(self) -> Family:
        family = CounterMetricFamily(
            "modelmatrix_device_seconds", "Device time held, starting and draining replicas too.", labels=CostLabels._fields
        )
        for labels, seconds in self._device_seconds.items():
            family.add_metric(labels, seconds)
        return family

    def _decisions_family(self) -> Family:
        family = CounterMetricFamily(
            "modelmatrix_scaling_decisions",
            "Decisions about the number of replicas; direction is up, down or hold.",
            labels=_labels("direction", "reason"),
        )
        for key, counts in self._decisions.items():
            for (direction, reason), number in counts.items():
                family.add_metric((*key, direction, reason), number)
        return family

    def _signal_ages(self) -> Family:
        family = GaugeMetricFamily(
            "modelmatrix_signal_age_seconds", "Age of the oldest sample that decisions rest on.", labels=_labels("signal")
        )
        for key, reading in self.readings.items():
            if reading.age_seconds is not None:
                family.add_metric((*key, "engine"), reading.age_seconds)
        return family


def _labels(*names: str) -> tuple[str, ...]:
    return ("namespace", "name", *names)


def _devices_held(plan: Plan) -> dict[CostLabels, int]:
    held: dict[CostLabels, int] = {}
    for key, deployment in plan.deployments.items():
        spec = deployment.spec
        for item in deployment.placements:
            existing = item.observed.existing + item.observed.draining if item.observed else 0
            if existing:
                payer = CostLabels(*key, item.option.pool, (spec and spec.tenant) or "", (spec and spec.cost_center) or "")
                held[payer] = existing * item.option.devices
    return held


def _replicas(plan: Plan) -> Family:
    family = GaugeMetricFamily(
        "modelmatrix_deployment_replicas",
        "Replicas by state: desired, ready, starting, draining.",
        labels=_labels("pool", "quantization", "state"),
    )
    for key, deployment in plan.deployments.items():
        for item in deployment.placements:
            observed = item.observed
            states = {
                "desired": item.desired,
                "ready": item.ready,
                "starting": observed.existing - observed.ready if observed else 0,
                "draining": observed.draining if observed else 0,
            }
            for state, number in states.items():
                family.add_metric((*key, item.option.pool, str(item.option.quantization), state), number)
    return family


def _attainment(plan: Plan) -> Family:
    family = GaugeMetricFamily(
        "modelmatrix_deployment_slo_attainment_ratio", "Share of requests within the SLO, a lower bound.", labels=_labels()
    )
    for key, status in plan.statuses.items():
        percent = status.get("slo", {}).get("attainmentPercent")
        if percent is not None:
            family.add_metric(key, float(percent) / 100)
    return family


def _conditions(plan: Plan) -> Family:
    family = GaugeMetricFamily(
        "modelmatrix_deployment_condition", "1 for the present state.", labels=_labels("type", "reason", "status")
    )
    for key, status in plan.statuses.items():
        for condition in status["conditions"]:
            family.add_metric((*key, condition["type"], condition["reason"], condition["status"]), 1)
    return family


def _costs(plan: Plan) -> Family:
    family = GaugeMetricFamily(
        "modelmatrix_deployment_cost_per_hour", "Price of the devices held.", labels=_labels("pool", "currency")
    )
    for key, deployment in plan.deployments.items():
        for cost in device_costs(deployment):
            if cost.currency is not None:
                family.add_metric((*key, cost.pool, cost.currency), float(cost.amount))
    return family


def _pool_devices(plan: Plan) -> Family:
    family = GaugeMetricFamily(
        "modelmatrix_pool_devices",
        "Devices by state: total, allocated, free, unhealthy.",
        labels=("pool", "resource", "state"),
    )
    for pool in plan.pools.values():
        for state, number in _devices_by_state(pool).items():
            family.add_metric((pool.name, pool.spec.resource_name if pool.spec else "", state), number)
    return family


def _devices_by_state(pool: PoolState) -> dict[str, int]:
    return {"total": pool.total, "allocated": pool.allocated, "free": pool.free_now, "unhealthy": pool.unhealthy}
