"""Turns manifests into a simulated deployment: the performance of a replica on each pool, and how many each pool holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any

from modelmatrix.api import names
from modelmatrix.api.model_deployment import ModelDeploymentSpec
from modelmatrix.cli.errors import CliError
from modelmatrix.cli.inputs.cluster_objects import from_manifests
from modelmatrix.cli.inputs.manifests import Manifests
from modelmatrix.performance.engine_timing import EngineLimits, EngineTiming, TokenLengths
from modelmatrix.performance.slo import bounds_in_seconds
from modelmatrix.planning import plan as planner
from modelmatrix.planning.desired.cron import ScheduleError
from modelmatrix.planning.desired.schedule import ScheduleFloorWindow, schedule_floor_windows
from modelmatrix.planning.feasibility.assess import PoolOption
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.placement.pricing import compared_prices
from modelmatrix.planning.snapshot.views import NamespacedName
from modelmatrix.simulation.cluster.variant import StartTime, Variant
from modelmatrix.simulation.operator_policy import DeploymentPrior, PoolPrior

DAY_SECONDS = 86_400
# Nodes of a pool without nodes in the files: more than any simulation uses.
SUPPOSED_NODES = 512


@dataclass(frozen=True, slots=True)
class SimulatedDeployment:
    """One deployment: the prior of the policy, the variants that are simulated, and the largest replica count by pool."""

    key: NamespacedName
    known: DeploymentPrior
    variants: tuple[Variant, ...]
    limits: dict[str, int]

    def warm(self, rate_per_second: float, lengths: TokenLengths) -> dict[str, int]:
        """Replicas by pool that serve a rate with one to spare, on the first pools that hold them."""
        first = self.variants[0]
        each = first.timing.capacity(self.known.slo, lengths, first.limits).requests_per_second
        needed = ceil(rate_per_second / each) + 1 if each > 0 else self.known.min_replicas
        left = min(max(needed, self.known.min_replicas), self.known.max_replicas)
        numbers: dict[str, int] = {}
        for variant in self.variants:
            numbers[variant.name] = min(left, self.limits[variant.name])
            left -= numbers[variant.name]
        return numbers


def simulated_deployment(
    documents: Manifests, *, name: str | None, start_seconds: float | None, at: float | None, days: int
) -> SimulatedDeployment:
    """The deployment to simulate.

    Args:
        documents: it and its pools; a pool without nodes counts as a large one.
        name: which deployment, where the manifests have several.
        start_seconds: start-up time of a replica; without it the estimate of the catalogue.
        at: the time of second 0, for schedules, in seconds since the epoch; without it schedules are ignored.
        days: how many days of the schedule are simulated.

    Raises:
        CliError: there is no such deployment, or it cannot be simulated.
    """
    manifest = _chosen(documents, name)
    snapshot = from_manifests(Manifests((*documents.items, *_supposed_nodes(documents)))).snapshot(at)
    key = NamespacedName(manifest["metadata"]["namespace"], manifest["metadata"]["name"])
    deployment = planner.plan(snapshot).deployments[key]
    spec = deployment.spec
    if spec is None or spec.scaling is None or spec.slo is None:
        raise CliError(f"{key}: only a deployment with spec.scaling and spec.slo can be simulated")
    variants = _variants(deployment, start_seconds)
    if not variants:
        verdicts = "; ".join(f"{option.pool}: {option.message}" for option in deployment.options)
        raise CliError(f"{key} fits no pool: {verdicts}")
    known = DeploymentPrior(
        slo=bounds_in_seconds(spec.slo),
        min_replicas=spec.scaling.min_replicas,
        max_replicas=spec.scaling.max_replicas,
        variants=tuple(prior for prior, _ in variants),
        placement=spec.placement,
        windows=tuple(_windows(spec, at, days)) if at is not None else (),
    )
    limits = {
        option.pool: deployment.pools[option.pool].replicas_when_empty(devices=option.devices, nodes=option.nodes)
        for option in deployment.fitting
    }
    return SimulatedDeployment(key, known, tuple(variant for _, variant in variants), limits)


def _chosen(documents: Manifests, name: str | None) -> dict[str, Any]:
    deployments = documents.of_kind(names.MODEL_DEPLOYMENTS)
    if name is not None:
        deployments = [deployment for deployment in deployments if deployment["metadata"]["name"] == name]
    if not deployments:
        raise CliError(f"there is no ModelDeployment{f' {name}' if name else ''} in the files")
    if len(deployments) > 1:
        choices = ", ".join(sorted(deployment["metadata"]["name"] for deployment in deployments))
        raise CliError(f"the files hold {len(deployments)} ModelDeployments: choose one of {choices} with --name")
    return deployments[0]


def _supposed_nodes(documents: Manifests) -> Iterator[dict[str, Any]]:
    """Nodes for the pools whose selectors match none of the files' nodes."""
    labels = [node["metadata"].get("labels") or {} for node in documents.of_kind(names.NODES)]
    snapshot = from_manifests(documents).snapshot(0.0)
    for pool in snapshot.pools:
        if pool.spec is None or any(pool.spec.node_selector.items() <= node_labels.items() for node_labels in labels):
            continue
        accelerator = snapshot.catalogue.accelerator(pool.spec.accelerator)
        resources = {pool.spec.resource_name: str(accelerator.devices_per_node if accelerator else 1)}
        for index in range(SUPPOSED_NODES):
            yield {
                "apiVersion": "v1",
                "kind": names.NODES.kind,
                "metadata": {"name": f"{pool.name}-supposed-{index}", "labels": dict(pool.spec.node_selector)},
                "status": {"allocatable": resources, "capacity": resources},
            }


def _variants(deployment: DeploymentPlan, start_seconds: float | None) -> list[tuple[PoolPrior, Variant]]:
    """Options with a known performance, as the policy knows them (with the operator's prices) and as they are simulated."""
    prices, variants = compared_prices(deployment.fitting, deployment.pools), []
    for option in deployment.fitting:
        pool = deployment.pools[option.pool]
        if option.performance is None:
            continue
        timing, limits = option.performance
        start = option.start_seconds if start_seconds is None else start_seconds
        prior = PoolPrior(
            name=option.pool,
            timing=timing,
            limits=limits,
            start_seconds=start,
            devices=option.devices,
            cost_per_hour=float(prices[option.pool]),
            site=(pool.spec.site or "") if pool.spec else "",
        )
        variants.append((prior, _real(option, timing, limits, start)))
    return variants


def _real(option: PoolOption, timing: EngineTiming, limits: EngineLimits, start_seconds: float) -> Variant:
    return Variant(
        name=option.pool, timing=timing, limits=limits, start=StartTime(start_seconds), devices_per_replica=option.devices
    )


def _windows(spec: ModelDeploymentSpec, at: float, days: int) -> Iterator[ScheduleFloorWindow]:
    """The schedule from second 0 on, in the simulation's time."""
    yielded: set[tuple[float, int]] = set()
    schedule = spec.scaling.schedule if spec.scaling else ()
    try:
        for day in range(days):
            for window in schedule_floor_windows(schedule, now_seconds=at + day * DAY_SECONDS, horizon_seconds=DAY_SECONDS):
                name = (window.start_second, window.replicas)
                if name not in yielded:
                    yielded.add(name)
                    yield ScheduleFloorWindow(
                        start_second=window.start_second - at,
                        end_second=window.end_second - at,
                        replicas=window.replicas,
                        lead_seconds=window.lead_seconds,
                        name=window.name,
                    )
    except ScheduleError as error:
        raise CliError(str(error)) from None
