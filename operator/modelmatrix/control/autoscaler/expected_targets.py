"""What Prometheus should know of a deployment, from the last plan. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from modelmatrix.catalogue.catalogue import Catalogue
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.rendering.workload_target import image_of
from modelmatrix.planning.snapshot.views import PodView
from modelmatrix.signals.reading import ExpectedTargets
from modelmatrix.signals.scrape_coverage import ReplicaTarget
from modelmatrix.signals.slo_buckets import SloBuckets, counted_bounds
from modelmatrix.signals.traffic import token_count_note

USUAL_PERCENTILE = 95


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The same moment in model time and in the time that objects carry."""

    second: float
    real_seconds: float
    time_scale: float

    def age(self, since_real_seconds: float) -> float:
        """Model seconds since a time that an object carries; 0 for a time ahead of the clock."""
        return max(0.0, (self.real_seconds - since_real_seconds) * self.time_scale)


def expected_targets(deployment: DeploymentPlan, catalogue: Catalogue, now: ClockReading) -> ExpectedTargets:
    """What Prometheus should know of a deployment."""
    leaders = tuple(_leaders(deployment, catalogue, now))
    return ExpectedTargets(
        leaders=leaders,
        draining=sum(replicas.draining for _, replicas in deployment.observed),
        dialects={option.pool: catalogue.dialects[catalogue.engines[option.engine].dialect] for option in deployment.fitting},
        bounds=bounds_of(deployment, catalogue),
        percentile=percentile_of(deployment),
        is_asleep=deployment.desired_replicas == 0 and not leaders,
        remark=token_count_note({leader.dialect.name: leader.dialect for leader in leaders}),
    )


def bounds_of(deployment: DeploymentPlan, catalogue: Catalogue) -> SloBuckets:
    """The histogram bounds that count for a deployment's SLO on the engines that it may use."""
    images = ((option.engine, image_of(option, deployment.pools[option.pool])) for option in deployment.fitting)
    engines = tuple(dict.fromkeys(images))
    return counted_bounds(catalogue, engines, deployment.spec.slo if deployment.spec else None)


def percentile_of(deployment: DeploymentPlan) -> int:
    """The percentile of a deployment's SLO, or the usual one."""
    spec = deployment.spec
    return spec.slo.percentile if spec is not None and spec.slo is not None else USUAL_PERCENTILE


def _leaders(deployment: DeploymentPlan, catalogue: Catalogue, now: ClockReading) -> Iterator[ReplicaTarget]:
    for workload, replicas in deployment.observed:
        engine = catalogue.engines.get(workload.engine)
        if engine is None:
            continue  # its profile is gone: what it reports is unknown
        dialect = catalogue.dialects[engine.dialect]
        for replica in replicas.replicas:
            leader = replica.leader
            if leader is not None:
                yield ReplicaTarget(
                    pod=leader.key.name,
                    uid=leader.uid,
                    pool=workload.pool,
                    engine=workload.engine,
                    dialect=dialect,
                    age_seconds=now.age(_created(replica.pods)),
                    ready_seconds=now.age(leader.ready_seconds) if leader.ready and replica.bound else None,
                )


def _created(pods: tuple[PodView, ...]) -> float:
    return pods[0].created_seconds if len(pods) == 1 else min(pod.created_seconds for pod in pods)
