"""Our own metrics: what the last plan says about every deployment and pool, and how the operator itself does.

Series of deployments and pools are made from the plan at every scrape, so none outlives its object. Only who has paid for
devices is told for an hour more, so that the last of it is scraped.
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
from modelmatrix.planning.plan import Plan
from modelmatrix.planning.snapshot.snapshot import Snapshot
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.planning.status.allocations import allocations, costs
from modelmatrix.scaling.observation.observation import Decision, Observation
from modelmatrix.signals.reading import SignalReading

PAID_SECONDS = 3600.0

Family = GaugeMetricFamily | CounterMetricFamily


class CostLabels(NamedTuple):
    """Who uses devices of which pool, and who pays."""

    namespace: str
    name: str
    pool: str
    tenant: str
    cost_center: str


@dataclass(slots=True, eq=False)
class Exporter(Collector):
    """The registry of all metrics. ``plan`` is the last one; only a leader has one."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    plan: Plan | None = None
    readings: dict[NamespacedName, SignalReading] = field(default_factory=dict)
    _device_seconds: defaultdict[CostLabels, float] = field(default_factory=lambda: defaultdict(float))
    _accounted_at: float | None = None
    _present_at: dict[NamespacedName, float] = field(default_factory=dict)
    _decisions: defaultdict[NamespacedName, Counts[tuple[str, str]]] = field(default_factory=lambda: defaultdict(Counts))
    leader: Gauge = field(init=False)
    duration: Histogram = field(init=False)
    requests: Counter = field(init=False)
    admission: Histogram = field(init=False)

    def __post_init__(self) -> None:
        self.leader = Gauge("modelmatrix_leader", "1 when this process leads.", registry=self.registry)
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
        """Take a new plan: count the devices that were held since the last one, and show this one from now on."""
        self.duration.observe(seconds)
        passed = snapshot.now_seconds - self._accounted_at if self._accounted_at is not None else 0.0
        for payer, devices in _held(plan).items():
            self._device_seconds[payer] += devices * max(0.0, passed)
        self._accounted_at = snapshot.now_seconds
        for key in self._decisions.keys() - plan.deployments.keys():
            del self._decisions[key]
        self._forget_paid(plan, snapshot.wall_seconds)
        self.plan = plan

    def _forget_paid(self, plan: Plan, now: float) -> None:
        """Forget who has paid for deployments that are gone for an hour."""
        self._present_at |= dict.fromkeys(plan.deployments, now)
        gone = {key for key, seconds in self._present_at.items() if now - seconds > PAID_SECONDS}
        for payer in [payer for payer in self._device_seconds if gone and (payer.namespace, payer.name) in gone]:
            del self._device_seconds[payer]
        for key in gone:
            del self._present_at[key]

    def count_decision(self, key: NamespacedName, seen: Observation, decision: Decision) -> None:
        """Count a decision by its direction and reason."""
        change = decision.replicas - seen.desired
        direction = "up" if change > 0 else "down" if change < 0 else "hold"
        self._decisions[key][direction, str(decision.reason)] += 1

    def observe_admission(self, resource: str, outcome: str, seconds: float) -> None:
        """Count an admission review and its time."""
        self.admission.labels(resource, outcome).observe(seconds)

    def collect(self) -> Iterator[Family]:
        """Series of deployments and pools, from the last plan."""
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
        for payer, seconds in self._device_seconds.items():
            family.add_metric(payer, seconds)
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


def _held(plan: Plan) -> dict[CostLabels, int]:
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
        for (pool, currency), amount in costs(allocations(deployment), deployment.pools).items():
            family.add_metric((*key, pool, currency), float(amount))
    return family


def _pool_devices(plan: Plan) -> Family:
    family = GaugeMetricFamily(
        "modelmatrix_pool_devices",
        "Devices by state: total, allocated, free, unhealthy.",
        labels=("pool", "resource", "state"),
    )
    for pool in plan.pools.values():
        for state, number in _counts(pool).items():
            family.add_metric((pool.name, pool.spec.resource_name if pool.spec else "", state), number)
    return family


def _counts(pool: PoolState) -> dict[str, int]:
    return {"total": pool.total, "allocated": pool.allocated, "free": pool.free_now, "unhealthy": pool.unhealthy}
