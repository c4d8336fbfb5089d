"""A scaled deployment whose replicas serve, and the operator's polls of its signals: poller, reading and policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from factories import NAMESPACE, deployment, nodes, pool
from fakes.prometheus import FakePrometheus, Series, serving
from modelmatrix.api.reasons import Reason
from modelmatrix.catalogue.loader import builtin
from modelmatrix.control.autoscaler.autoscaler import Autoscaler
from modelmatrix.control.autoscaler.metrics_poller import MetricsPoll, MetricsPoller
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.snapshot.snapshot import ScaleDecision
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.scaling.observation.observation import Decision, Policy
from modelmatrix.scaling.policy import SloPolicy
from modelmatrix.telemetry.model_clock import ModelClock
from modelmatrix.telemetry.prometheus_client import Prometheus
from scenarios.world import World, rest

KEY = NamespacedName(NAMESPACE, "assistant")
LOOK_SECONDS = 30.0
SERVED_SECONDS = 3600.0
SLO = {"ttftMilliseconds": 2000, "tpotMilliseconds": 100}


def deployments(replicas: int, **fields: Any) -> dict[NamespacedName, DeploymentPlan]:
    """The last plan of a cluster in which all these replicas have served for an hour."""
    scaling = {"minReplicas": 1, "maxReplicas": 8, **fields.pop("scaling", {})}
    view = deployment(scaling=scaling, slo=fields.pop("slo", SLO), **fields)
    world = World(deployments={view.key: view})
    world.pools = {one.name: one for one in (pool(),)}
    world.nodes = {one.name: one for one in nodes(4)}
    decisions = {view.key: ScaleDecision(replicas, Reason.STEADY, "")}
    rest(world, decisions=decisions)
    world.now_seconds += SERVED_SECONDS
    return dict(world.plan(decisions=decisions).deployments)


def pods_of(deployment: DeploymentPlan) -> list[str]:
    """The names of the ready pods."""
    leaders = (replica.leader for _, replicas in deployment.observed for replica in replicas.replicas)
    return [leader.key.name for leader in leaders if leader is not None]


def now_of(plans: Mapping[NamespacedName, DeploymentPlan]) -> float:
    """An hour after the replicas became ready."""
    leaders = [replica.leader for _, replicas in plans[KEY].observed for replica in replicas.replicas]
    return max((leader.ready_seconds for leader in leaders if leader is not None), default=0.0) + SERVED_SECONDS


def idle_poller(time_scale: float = 1.0) -> MetricsPoller:
    """A poller without Prometheus, for tests that bring the polls themselves."""
    return MetricsPoller(None, ModelClock(time_scale), LOOK_SECONDS)


@dataclass(slots=True)
class Rig:
    """A deployment that is polled; time advances from poll to poll, and the cluster does not change."""

    prometheus: FakePrometheus
    client: Prometheus
    plans: dict[NamespacedName, DeploymentPlan]
    policy: Policy[Any] = field(default_factory=SloPolicy)
    gateway_query: str = ""
    now: float = 0.0
    scaler: Autoscaler = field(init=False)
    looks: list[MetricsPoll] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = self.now or now_of(self.plans)
        self.restart()

    def restart(self) -> None:
        """Restart the operator, without any state."""
        poller = MetricsPoller(self.client, ModelClock(), LOOK_SECONDS, time=lambda: self.now)
        self.scaler = Autoscaler(builtin(), self.policy, poller, self.gateway_query, polled=self._note)

    def _note(self) -> None:
        poll = self.scaler.untaken
        assert poll is not None
        self.looks.append(poll)

    @property
    def pods(self) -> list[str]:
        """The ready pods."""
        return pods_of(self.plans[KEY])

    def serves(self, **load: float) -> Series:
        """Give Prometheus the series of all replicas under a load."""
        series = serving(self.pods, **load)  # type: ignore[arg-type]  # floats by name
        self.prometheus.series = [series]
        return series

    async def look(self, times: int = 1, change: Callable[[int], None] | None = None) -> list[Decision]:
        """The decisions of consecutive polls; ``change`` is called before each of them with its number."""
        decided = []
        for number in range(times):
            if change is not None:
                change(number)
            self.now += LOOK_SECONDS
            self.scaler.follow(self.plans, builtin())
            await self.scaler.poll()
            self.scaler.take_poll(self.now)
            decided.append(self.scaler.policy_decisions[KEY])
        return decided
