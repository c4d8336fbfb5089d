"""What the last plan says about a deployment that is scaled, in the form that its observation is built from. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from modelmatrix.api.model_deployment import Scaling
from modelmatrix.performance.slo import bounds_in_seconds
from modelmatrix.planning.desired.cron import ScheduleError
from modelmatrix.planning.desired.replicas import replica_bounds
from modelmatrix.planning.desired.schedule import longest_start_seconds
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.placement.pricing import compared_prices
from modelmatrix.planning.snapshot.snapshot import ScaleDecision
from modelmatrix.scaling.observation.replica_bounds import ReplicaBounds
from modelmatrix.signals.observation import DeploymentFacts, PoolFacts


def deployment_facts(deployment: DeploymentPlan, decision: ScaleDecision | None, second: float) -> DeploymentFacts:
    """What is known of a deployment at a second of model time; ``decision`` is the last one of its policy.

    Raises:
        ValueError: the deployment is not scaled.
    """
    spec = deployment.spec
    scaling = spec.scaling if spec else None
    if spec is None or scaling is None:
        raise ValueError(f"{deployment.key} is not scaled")
    return DeploymentFacts(
        slo=bounds_in_seconds(spec.slo),
        bounds=_bounds(deployment, scaling, decision, second),
        desired=deployment.desired_replicas,
        pools=tuple(_pools(deployment)),
        placement=spec.placement,
    )


def _bounds(deployment: DeploymentPlan, scaling: Scaling, decision: ScaleDecision | None, second: float) -> ReplicaBounds:
    """The bounds of this second, computed as the planner does."""
    start_seconds = longest_start_seconds(decision, (option.start_seconds for option in deployment.fitting))
    try:
        return replica_bounds(scaling, second, start_seconds=start_seconds)
    except ScheduleError:  # the plan reports it in the status
        return ReplicaBounds(min_replicas=scaling.min_replicas, max_replicas=scaling.max_replicas)


def _pools(deployment: DeploymentPlan) -> Iterator[PoolFacts]:
    placements = {placement.option.pool: placement for placement in deployment.placements}
    prices = compared_prices(deployment.fitting, deployment.pools)
    for option in deployment.fitting:
        placement, pool = placements.get(option.pool), deployment.pools[option.pool]
        if option.performance is None:
            continue
        yield PoolFacts(
            pool=option.pool,
            timing=option.performance.timing,
            limits=option.performance.limits,
            start_seconds=option.start_seconds,
            cost_per_hour=float(prices[option.pool]),
            devices=option.devices,
            ready=placement.ready if placement else 0,
            starting=max(0, placement.desired - placement.ready) if placement else 0,
            room=deployment.free_replicas_by_pool.get(option.pool, 0),
            site=(pool.spec.site if pool.spec else None) or "",
        )
