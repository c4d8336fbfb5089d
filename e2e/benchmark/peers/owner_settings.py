"""The values that the owner of a deployment configures for a peer. Here they are exact; real owners must measure them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.scenarios.scenario import Deployment, Scenario
    from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming, SloBounds, TokenLengths


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantCapacity:
    """One variant: cost per hour, requests per second within the SLO, and requests in flight at that rate, of a replica.

    ``max_replicas`` is the number of replicas that fit into its pool.
    """

    name: str
    cost: float
    per_second: float
    in_flight: float
    max_replicas: int
    timing: EngineTiming
    limits: EngineLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerSettings:
    """One deployment: the variants that can meet its SLO, the cheapest per request first, replica bounds and mean lengths.

    ``home`` is the variant for an autoscaler that knows only one.
    """

    choices: tuple[VariantCapacity, ...]
    home: VariantCapacity
    min_replicas: int
    max_replicas: int
    slo: SloBounds
    lengths: TokenLengths

    def clamp(self, replicas: int) -> int:
        """Limit a number of replicas to the bounds."""
        return min(max(replicas, self.min_replicas), self.max_replicas)


def owner_settings(scenario: Scenario, deployment: Deployment) -> OwnerSettings:
    """The settings of a deployment's owner, computed from the scenario."""
    choices = sorted(_choices(scenario, deployment), key=lambda choice: choice.cost / choice.per_second)
    return OwnerSettings(
        choices=tuple(choices),
        home=next(choice for choice in choices if choice.name == deployment.home_variant.name),
        min_replicas=deployment.min_replicas,
        max_replicas=deployment.max_replicas,
        slo=deployment.slo,
        lengths=deployment.lengths,
    )


def _choices(scenario: Scenario, deployment: Deployment) -> list[VariantCapacity]:
    pools = {pool.name: pool for pool in scenario.pools}
    choices = []
    for placement in deployment.placements:
        variant, pool = placement.variant, pools[placement.pool]
        rate = deployment.capacity_per_second(variant)
        if rate <= 0:
            continue
        fit = deployment.max_replicas if pool.devices is None else pool.devices // variant.devices_per_replica
        choices.append(
            VariantCapacity(
                name=variant.name,
                cost=variant.devices_per_replica * pool.price,
                per_second=rate,
                in_flight=rate * variant.timing.e2e_seconds(rate, deployment.lengths, variant.limits),
                max_replicas=min(fit, deployment.max_replicas),
                timing=variant.timing,
                limits=variant.limits,
            )
        )
    return choices
