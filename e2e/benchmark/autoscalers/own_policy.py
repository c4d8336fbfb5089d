"""The operator's own policy, through the adapter that ``kubectl matrix simulate`` uses. It has nothing to tune.

It gets what the operator knows of a deployment: the SLO, replica bounds, prices, a roofline of the engine timing and the
pool's median start-up time. It must learn the actual timing of the engines.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from benchmark.autoscalers.autoscaler_config import Recipe, SampleScope
from modelmatrix.api.model_deployment import PlacementPolicy
from modelmatrix.scaling.observation.observation import History
from modelmatrix.scaling.policy import SloPolicy
from modelmatrix.simulation.operator_policy import DeploymentPrior, OperatorPolicyAdapter, PoolPrior

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.scenarios.scenario import Deployment, Scenario


def build(scenario: Scenario, deployment: Deployment) -> OperatorPolicyAdapter:
    """The operator's policy for a deployment."""
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


def restore(policy: OperatorPolicyAdapter, arrived: Sequence[tuple[float, float]], second: float) -> None:
    """Restore the policy's history as the operator does at its start: from one range query."""
    rates = [(after - before) / (end - start) for (start, before), (end, after) in pairwise(arrived)]
    if rates:
        (first, _), (following, _) = arrived[:2]
        policy.restore_state(
            History(first_second=following, step_seconds=following - first, arrivals_per_second=tuple(rates)), second
        )


RECIPE = Recipe(
    family="modelmatrix", setting="", module=__name__, build=build, sample_scope=SampleScope.REPLICAS, restore=restore
)
