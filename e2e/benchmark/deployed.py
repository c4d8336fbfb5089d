"""A deployment in the world: its environment, what is scraped of it, and what its autoscaler sees and wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.recipe import Sight
from benchmark.scenario import Mode
from benchmark.worlds import open_fleet, open_fluid
from modelmatrix.simulation.policy import Observation, ReplicaView
from modelmatrix.simulation.roster import Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmark.recipe import Recipe
    from benchmark.scenario import Deployment, Scenario
    from modelmatrix.simulation.environment import Environment
    from modelmatrix.simulation.fleet import Fleet
    from modelmatrix.simulation.roster import Member
    from modelmatrix.simulation.samples import EngineSample
    from modelmatrix.simulation.scraping import Scraper


class Deployed:
    """One deployment with its autoscaler."""

    def __init__(self, scenario: Scenario, deployment: Deployment, recipe: Recipe, seed: int, scraper: Scraper) -> None:
        self.deployment = deployment
        self.recipe = recipe
        self.environment: Environment
        self.fleet: Fleet | None = None
        if scenario.mode is Mode.FLUID:
            self.environment = open_fluid(scenario, deployment, seed)
        else:
            self.environment, self.fleet = open_fleet(scenario, deployment, seed)
        self.wanted = dict(self.environment.roster.desired)
        self.changes = 0
        self.reversals = 0
        self._scraper = scraper
        self._scenario = scenario
        self._policy = recipe.build(scenario, deployment)
        self._origins: Mapping[str, EngineSample] = {}
        self._views: dict[str, ReplicaView] = {}
        self._direction = 0

    def scrape(self, second: float) -> None:
        """Store what the engines show now."""
        self._scraper.scrape(second, {name: self._since_reset(name, page) for name, page in self._pages().items()})

    def reset_counters(self) -> None:
        """Let every engine's counters start again at zero."""
        self._origins = self._pages()

    def restart_scaler(self) -> None:
        """Let the autoscaler forget what it remembers."""
        self._policy = self.recipe.build(self._scenario, self.deployment)

    def decide(self, second: float, rooms: Mapping[str, int]) -> None:
        """Ask the autoscaler; what it wants is bounded by the deployment's numbers of replicas."""
        roster = self.environment.roster
        observation = Observation(
            second=second,
            desired=self.wanted,
            replicas=tuple(self._view(member) for member in roster.members.values()),
            samples={name: tuple(kept) for name, kept in self._scraper.samples.items()},
            rooms=rooms,
        )
        self._want({**self.wanted, **self._policy.decide(observation)})

    def _want(self, wanted: dict[str, int]) -> None:
        step = sum(wanted.values()) - sum(self.wanted.values())
        if wanted == self.wanted:
            return
        self.changes += 1
        if step:
            direction = 1 if step > 0 else -1
            self.reversals += direction == -self._direction
            self._direction = direction
        self.wanted = wanted

    def _pages(self) -> Mapping[str, EngineSample]:
        if self.recipe.sight is Sight.REPLICAS:
            return self.environment.samples()
        serving = {
            member.variant.name for member in self.environment.roster.members.values() if member.phase is not Phase.STARTING
        }
        return {name: page for name, page in self.environment.totals().items() if name in serving}

    def _since_reset(self, name: str, page: EngineSample) -> EngineSample:
        origin = self._origins.get(name)
        return page if origin is None else page.since(origin)

    def _view(self, member: Member) -> ReplicaView:
        view = self._views.get(member.name)
        if view is None or view.phase is not member.phase:
            ready = None if member.phase is Phase.STARTING else member.ready_seconds
            view = ReplicaView(member.name, member.variant.name, member.phase, member.created_seconds, ready)
            self._views[member.name] = view
        return view
