"""Applies the faults of a scenario at their time, and reverts them when they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.autoscalers.autoscaler_config import SampleScope
from benchmark.scenarios.scenario import Fault, ScenarioFault
from modelmatrix.simulation.cluster.replica_set import Phase
from modelmatrix.simulation.metrics.scraper import FaultKind, MetricsFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmark.autoscalers.autoscaler_config import Recipe
    from benchmark.environment.pools import Pools
    from benchmark.environment.simulated_deployment import Deployed
    from benchmark.scenarios.scenario import Scenario

SLOW_FACTOR = 2.0
_OF_METRICS = {
    ScenarioFault.METRICS_LOST: FaultKind.LOST,
    ScenarioFault.METRICS_FROZEN: FaultKind.FROZEN,
    ScenarioFault.METRICS_NAN: FaultKind.NAN,
}


def metrics_faults(scenario: Scenario, recipe: Recipe) -> list[MetricsFault]:
    """The faults of Prometheus; none for autoscalers that measure at a proxy of their own."""
    if recipe.sample_scope is SampleScope.PROXY:
        return []
    return [
        MetricsFault(_OF_METRICS[fault.kind], fault.start_second, fault.start_second + fault.duration_seconds)
        for fault in scenario.faults
        if fault.kind in _OF_METRICS
    ]


class FaultInjector:
    """Injects the faults of pools, replicas, engines and the autoscaler into a simulation."""

    def __init__(self, scenario: Scenario, deployed: list[Deployed], pools: Pools) -> None:
        self._deployed, self._pools = deployed, pools
        self._coming: list[tuple[int, int, Callable[[], None]]] = []
        for fault in scenario.faults:
            self._plan(fault)
        self._coming.sort(key=lambda entry: entry[:2])

    def apply_until(self, second: int) -> None:
        """Apply and revert the faults that are due by a second."""
        while self._coming and self._coming[0][0] <= second:
            self._coming.pop(0)[2]()

    def _plan(self, fault: Fault) -> None:
        begin, end = fault.start_second, fault.start_second + fault.duration_seconds
        if fault.kind is ScenarioFault.COUNTERS_RESET:
            self._at(begin, self._reset_counters)
        elif fault.kind is ScenarioFault.SCALER_RESTARTED:
            self._at(begin, lambda: self._restart_scalers(begin))
        elif fault.kind is ScenarioFault.REPLICA_SLOW:
            slow = _SlowReplica(self._deployed[0])
            self._at(begin, slow.begin)
            self._at(end, slow.end)
        elif fault.kind in {ScenarioFault.POOL_HALVED, ScenarioFault.QUOTA_FROZEN}:
            limit = self._pools.limits[fault.pool]
            self._at(begin, lambda: self._shrink(fault))
            self._at(end, lambda: self._pools.limits.update({fault.pool: limit}))

    def _at(self, second: int, effect: Callable[[], None]) -> None:
        self._coming.append((second, len(self._coming), effect))

    def _shrink(self, fault: Fault) -> None:
        if fault.kind is ScenarioFault.POOL_HALVED:
            self._pools.lose_half(fault.pool)
        else:
            self._pools.limits[fault.pool] = self._pools.held(fault.pool)

    def _reset_counters(self) -> None:
        for one in self._deployed:
            one.reset_counters()

    def _restart_scalers(self, second: int) -> None:
        for one in self._deployed:
            one.restart_scaler(second)


class _SlowReplica:
    """The oldest replica of a deployment, which is slower than the others while the fault lasts."""

    def __init__(self, deployed: Deployed) -> None:
        self._deployed = deployed
        self._name = ""

    def begin(self) -> None:
        members = self._deployed.environment.replica_set.replicas
        self._name = next(name for name, member in members.items() if member.phase is Phase.READY)
        self._change(SLOW_FACTOR)

    def end(self) -> None:
        member = self._deployed.environment.replica_set.replicas.get(self._name)
        if member is not None and member.phase is Phase.READY:
            self._change(1.0 / SLOW_FACTOR)

    def _change(self, factor: float) -> None:
        if self._deployed.fleet is None:
            raise ValueError("a slow replica needs the request-level mode: replicas of a fluid are all alike")
        self._deployed.fleet.slow_down(self._name, factor)
