"""What the owner of a deployment tells a peer about it. Peers are told the truth, which owners must find by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.scenarios.scenario import Deployment, Scenario
    from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming, SloBounds, TokenLengths


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One variant: what a replica costs an hour, serves a second within the SLO, and has in flight then.

    ``most`` is how many replicas its pool holds.
    """

    name: str
    cost: float
    per_second: float
    in_flight: float
    most: int
    timing: EngineTiming
    limits: EngineLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One deployment: the variants that can keep its SLO, the cheapest per request first; bounds and mean lengths.

    ``home`` is the variant for an autoscaler that knows only one.
    """

    choices: tuple[Choice, ...]
    home: Choice
    min_replicas: int
    max_replicas: int
    slo: SloBounds
    lengths: TokenLengths

    def bounded(self, replicas: int) -> int:
        """A number of replicas within the bounds."""
        return min(max(replicas, self.min_replicas), self.max_replicas)


def site_of(scenario: Scenario, deployment: Deployment) -> Site:
    """What a deployment's owner knows."""
    choices = sorted(_choices(scenario, deployment), key=lambda choice: choice.cost / choice.per_second)
    return Site(
        choices=tuple(choices),
        home=next(choice for choice in choices if choice.name == deployment.home_variant.name),
        min_replicas=deployment.min_replicas,
        max_replicas=deployment.max_replicas,
        slo=deployment.slo,
        lengths=deployment.lengths,
    )


def _choices(scenario: Scenario, deployment: Deployment) -> list[Choice]:
    pools = {pool.name: pool for pool in scenario.pools}
    choices = []
    for placement in deployment.placements:
        variant, pool = placement.variant, pools[placement.pool]
        rate = deployment.capacity_per_second(variant)
        if rate <= 0:
            continue
        fit = deployment.max_replicas if pool.devices is None else pool.devices // variant.devices_per_replica
        choices.append(
            Choice(
                name=variant.name,
                cost=variant.devices_per_replica * pool.price,
                per_second=rate,
                in_flight=rate * variant.timing.e2e_seconds(rate, deployment.lengths, variant.limits),
                most=min(fit, deployment.max_replicas),
                timing=variant.timing,
                limits=variant.limits,
            )
        )
    return choices
