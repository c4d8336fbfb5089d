"""One run: a scenario, an autoscaler for each of its deployments and a seed give an outcome.

The loop is the same for the fluid and for single requests, and does not know how an autoscaler decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.environment.pools import Pools
from benchmark.environment.simulated_deployment import Deployed
from benchmark.results.results import DeploymentResult, Hour, Outcome, TimePoint
from benchmark.scenarios.faults import FaultInjector, metrics_faults
from benchmark.scenarios.scenario import HOUR_SECONDS
from modelmatrix.simulation.cluster.replica_set import Phase
from modelmatrix.simulation.metrics.scraper import Scraper

if TYPE_CHECKING:
    from benchmark.autoscalers.autoscaler_config import Recipe
    from benchmark.scenarios.scenario import Scenario

MOMENT_SECONDS = 120
# No autoscaler decides before its windows have samples.
OPENING_SECONDS = 120
# Seconds after the end in which running requests may still finish.
_AFTERMATH_SECONDS = 3600


def play(scenario: Scenario, recipe: Recipe, seed: int) -> Outcome:
    """Run a scenario to its end; what is not finished an hour later is missed."""
    run = _Run(scenario, recipe, seed)
    run.play()
    return run.outcome()


class _Run:
    def __init__(self, scenario: Scenario, recipe: Recipe, seed: int) -> None:
        self._scenario, self._recipe = scenario, recipe
        faults = metrics_faults(scenario, recipe)
        self._deployed = [Deployed(scenario, one, recipe, seed, Scraper(faults=faults)) for one in scenario.deployments]
        self._pools = Pools(scenario, self._deployed)
        self._troubles = FaultInjector(scenario, self._deployed, self._pools)
        self._moments: list[TimePoint] = []
        self._arrived = 0.0
        # Seconds that replicas were held until the end of each hour, by deployment and variant.
        self._held: list[list[dict[str, float]]] = [[] for _ in self._deployed]

    def play(self) -> None:
        recipe, end = self._recipe, self._scenario.seconds
        for second in range(0, end, recipe.tick_seconds):
            self._troubles.apply_until(second)
            if second % recipe.scrape_seconds == 0:
                for one in self._deployed:
                    one.scrape(second)
            if second >= OPENING_SECONDS and second % recipe.period_seconds == 0:
                for one in self._deployed:
                    one.decide(second, self._pools.rooms(one))
            self._pools.grant()
            self._note(second)
            self._advance(min(second + recipe.tick_seconds, end))
        self._finish(end)

    def _advance(self, second: int) -> None:
        for one, held in zip(self._deployed, self._held, strict=True):
            one.environment.advance(second)
            if second % HOUR_SECONDS == 0 or second == self._scenario.seconds:
                held.append(one.environment.replica_set.held_seconds(second))

    def _note(self, second: int) -> None:
        if second % MOMENT_SECONDS:
            return
        arrived = sum(one.environment.arrivals for one in self._deployed)
        rosters = [one.environment.replica_set for one in self._deployed]
        self._moments.append(
            TimePoint(
                second=second,
                rate=round((arrived - self._arrived) / MOMENT_SECONDS, 3),
                ready=sum(roster.count_in(Phase.READY) for roster in rosters),
                devices=sum(roster.devices for roster in rosters),
            )
        )
        self._arrived = arrived

    def _finish(self, second: int) -> None:
        for one in self._deployed:
            limit = second + _AFTERMATH_SECONDS
            for later in range(second, limit, 60):
                if not one.environment.in_flight:
                    break
                one.environment.advance(later + 60)
            one.environment.fail_in_flight()

    def outcome(self) -> Outcome:
        served = tuple(_served(one, held) for one, held in zip(self._deployed, self._held, strict=True))
        return Outcome(seconds=self._scenario.seconds, served=served, moments=tuple(self._moments))


def _served(one: Deployed, held: list[dict[str, float]]) -> DeploymentResult:
    by_hour = one.environment.slo_counter.by_hour
    before = dict.fromkeys(one.environment.replica_set.variants, 0.0)
    hours = []
    for number, until in enumerate(held):
        device_hours: dict[str, float] = {}
        for placement in one.deployment.placements:
            name = placement.variant.name
            grown = (until[name] - before[name]) * placement.variant.devices_per_replica / HOUR_SECONDS
            device_hours[placement.pool] = device_hours.get(placement.pool, 0.0) + grown
        requests, met = by_hour.get(number, (0.0, 0.0))
        hours.append(Hour(requests=requests, met=met, device_hours=device_hours))
        before = until
    return DeploymentResult(deployment=one.deployment.name, hours=tuple(hours), changes=one.changes, reversals=one.reversals)
