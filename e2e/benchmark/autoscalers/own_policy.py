"""The product: the operator's own policy, through the adapter that ``kubectl matrix simulate`` uses. Nothing to tune.

It is told what the operator would know of a deployment: the SLO, bounds, prices, a roofline for the timing and a start time
that is the pool's median. What engines really do it must learn.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from benchmark.autoscalers.autoscaler_config import Recipe, Sight
from modelmatrix.api.model_deployment import PlacementPolicy
from modelmatrix.scaling.observation.observation import History
from modelmatrix.scaling.policy import SloPolicy
from modelmatrix.simulation.operator_policy import DeploymentPrior, OperatorPolicyAdapter, PoolPrior

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.scenarios.scenario import Deployment, Scenario


def build(scenario: Scenario, deployment: Deployment) -> OperatorPolicyAdapter:
    """The policy for a deployment."""
    variants = tuple(
        PoolPrior(
            name=placement.variant.name,
            timing=placement.prior,
            limits=placement.variant.limits,
            start_seconds=placement.variant.start.median_seconds,
            devices=placement.variant.devices_per_replica,
            cost_per_hour=placement.variant.devices_per_replica * scenario.prices[placement.pool],
            site=placement.pool,
        )
        for placement in deployment.placements
    )
    return OperatorPolicyAdapter(
        SloPolicy(),
        DeploymentPrior(
            slo=deployment.slo,
            min_replicas=deployment.min_replicas,
            max_replicas=deployment.max_replicas,
            variants=variants,
            placement=PlacementPolicy.CHEAPEST,
        ),
    )


def rebuild(policy: OperatorPolicyAdapter, arrived: Sequence[tuple[float, float]], second: float) -> None:
    """What the operator does when it starts: one range query."""
    rates = [(after - before) / (end - start) for (start, before), (end, after) in pairwise(arrived)]
    if rates:
        (first, _), (following, _) = arrived[:2]
        policy.restore_state(
            History(first_second=following, step_seconds=following - first, arrivals_per_second=tuple(rates)), second
        )


RECIPE = Recipe(family="modelmatrix", setting="", module=__name__, build=build, sight=Sight.REPLICAS, rebuild=rebuild)
