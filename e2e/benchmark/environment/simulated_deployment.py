"""A simulated deployment: its environment, the samples that are scraped from it, its autoscaler and the desired replicas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.autoscalers.autoscaler_config import SampleScope
from benchmark.environment.environments import open_fleet, open_fluid
from benchmark.scenarios.scenario import Mode
from modelmatrix.simulation.cluster.policy import Observation, ReplicaView
from modelmatrix.simulation.cluster.replica_set import Phase

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from benchmark.autoscalers.autoscaler_config import Recipe
    from benchmark.scenarios.scenario import Deployment, Scenario
    from modelmatrix.simulation.cluster.environment import Environment
    from modelmatrix.simulation.cluster.fleet import Fleet
    from modelmatrix.simulation.cluster.replica_set import SimulatedReplica
    from modelmatrix.simulation.engine.samples import EngineSample
    from modelmatrix.simulation.metrics.scraper import Scraper


# The step of the history that an autoscaler is rebuilt from.
HISTORY_SECONDS = 300


class Deployed:
    """One deployment with its autoscaler."""

    def __init__(self, scenario: Scenario, deployment: Deployment, recipe: Recipe, seed: int, scraper: Scraper) -> None:
        self.deployment = deployment
        self.environment: Environment
        self.fleet: Fleet | None = None
        if scenario.mode is Mode.FLUID:
            self.environment = open_fluid(scenario, deployment, seed)
        else:
            self.environment, self.fleet = open_fleet(scenario, deployment, seed)
        self.desired = dict(self.environment.replica_set.desired)
        self.changes = 0
        self.reversals = 0
        self._scenario, self._recipe, self._scraper = scenario, recipe, scraper
        self._policy = recipe.build(scenario, deployment)
        self._origins: Mapping[str, EngineSample] = {}
        self._arrived: list[tuple[float, float]] = []
        self._direction = 0
        self._orders = 0
        self._seen_at: tuple[int, int, float | None] | None = None
        self._replicas: tuple[ReplicaView, ...] = ()

    @property
    def replicas(self) -> tuple[ReplicaView, ...]:
        """The replicas as the API server shows them."""
        roster = self.environment.replica_set
        # The views stay the same while no replica is added, lost or becomes ready, and no number is set.
        now = self._orders, len(roster.replicas), roster.next_ready_seconds()
        if now != self._seen_at:
            self._seen_at = now
            self._replicas = tuple(map(_view, roster.replicas.values()))
        return self._replicas

    @property
    def present(self) -> dict[str, int]:
        """Replicas by variant, draining ones not included."""
        present = dict.fromkeys(self.desired, 0)
        for replica in self.replicas:
            if replica.phase is not Phase.DRAINING:
                present[replica.variant] += 1
        return present

    def scrape(self, second: float) -> None:
        """Scrape every engine, and note the arrivals for a later rebuild."""
        if second % HISTORY_SECONDS == 0:
            self._arrived.append((second, self.environment.arrivals))
        self._scraper.scrape(second, {name: self._since_reset(name, page) for name, page in self._pages().items()})

    def reset_counters(self) -> None:
        """Let every engine's counters start again at zero, as after a restart."""
        self._origins = self._pages()

    def restart_scaler(self, second: float) -> None:
        """Start a new autoscaler; it may restore its state from the past arrivals."""
        self._policy = self._recipe.build(self._scenario, self.deployment)
        if self._recipe.restore is not None:
            self._recipe.restore(self._policy, self._arrived, second)

    def decide(self, second: float, rooms: Mapping[str, int]) -> None:
        """Let the autoscaler decide; ``rooms`` are the replicas that could be added now, by variant."""
        observation = Observation(
            second=second,
            desired=self.desired,
            replicas=self.replicas,
            samples={name: tuple(samples) for name, samples in self._scraper.samples.items()},
            failing=self._scraper.failing,
            ended=self._scraper.ended,
            free_replicas_by_variant=rooms,
        )
        self._set_desired({**self.desired, **self._policy.decide(observation)})

    def order(self, numbers: Mapping[str, int]) -> None:
        """Set the numbers of replicas by variant; ``grant`` has limited them to the free devices."""
        self._orders += 1
        self.environment.scale_to(numbers)

    def lose(self, names: Collection[str]) -> None:
        """Lose replicas and the requests in them."""
        self._orders += 1
        self.environment.fail(names)

    def _set_desired(self, desired: dict[str, int]) -> None:
        step = sum(desired.values()) - sum(self.desired.values())
        if desired == self.desired:
            return
        self.changes += 1
        if step:
            direction = 1 if step > 0 else -1
            self.reversals += direction == -self._direction
            self._direction = direction
        self.desired = desired

    def _pages(self) -> Mapping[str, EngineSample]:
        if self._recipe.sample_scope is SampleScope.REPLICAS:
            return self.environment.samples()
        serving = {replica.variant for replica in self.replicas if replica.phase is not Phase.STARTING}
        return {name: page for name, page in self.environment.totals().items() if name in serving}

    def _since_reset(self, name: str, page: EngineSample) -> EngineSample:
        origin = self._origins.get(name)
        return page if origin is None else page.since(origin)


def _view(member: SimulatedReplica) -> ReplicaView:
    ready = None if member.phase is Phase.STARTING else member.ready_seconds
    return ReplicaView(member.name, member.variant.name, member.phase, member.created_seconds, ready)
