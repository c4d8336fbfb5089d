"""``kubectl matrix simulate``: the operator's own scaling policy against a trace of requests."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import click

from modelmatrix.api import names
from modelmatrix.catalogue.loader import builtin
from modelmatrix.cli.errors import CliError
from modelmatrix.cli.inputs.arrivals import Traffic, read_traffic
from modelmatrix.cli.inputs.manifests import read_manifests
from modelmatrix.cli.inputs.simulation_setup import DAY_SECONDS, SimulatedDeployment, simulated_deployment
from modelmatrix.cli.options import parse_time, print_document
from modelmatrix.cli.output.tables import table
from modelmatrix.cli.terminal import print_text
from modelmatrix.performance.engine_timing import TokenLengths
from modelmatrix.planning.feasibility.layout_choice import pluralize
from modelmatrix.scaling.policy import SloPolicy
from modelmatrix.simulation import run
from modelmatrix.simulation.cluster.environment import Environment, RequestEnvironment
from modelmatrix.simulation.cluster.fleet import Fleet
from modelmatrix.simulation.cluster.policy import Observation, Policy, StaticPolicy
from modelmatrix.simulation.engine.metrics import Buckets
from modelmatrix.simulation.fluid.environment import FluidEnvironment
from modelmatrix.simulation.operator_policy import OperatorPolicyAdapter, PoolLimitedPolicy
from modelmatrix.simulation.traces.readers import TraceLengths

SHOWN_ROWS = 24

POLICIES: dict[str, Callable[[SimulatedDeployment], Policy]] = {
    "slo": lambda deployment: OperatorPolicyAdapter(SloPolicy(), deployment.known),
    "static": lambda deployment: StaticPolicy({deployment.variants[0].name: deployment.known.max_replicas}),
}


@click.command()
@click.option("-f", "--filename", "files", multiple=True, required=True, help="The ModelDeployment and its pools; repeatable.")
@click.option("--arrivals", required=True, help="CSV: second,requests or second,input_tokens,output_tokens; gzipped or not.")
@click.option(
    "--policy",
    type=click.Choice(sorted(POLICIES)),
    default="slo",
    help="The scaling policy; static is maxReplicas at all times.",
)
@click.option("--name", help="The ModelDeployment to simulate, where the files hold several.")
@click.option(
    "--start-seconds",
    type=click.FloatRange(min=0),
    help="Start-up time of a replica; the estimate of the catalogue by default.",
)
@click.option(
    "--input-tokens",
    type=click.IntRange(min=1),
    default=1155,
    help="Input tokens of a request, for a trace that only counts requests.",
)
@click.option(
    "--output-tokens",
    type=click.IntRange(min=0),
    default=211,
    help="Output tokens of a request, for a trace that only counts requests.",
)
@click.option("--at", help="Time of second 0, for schedules, e.g. 2026-11-23T00:00:00+08:00; without it schedules are ignored.")
@click.option("-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", help="Output format.")
def simulate(  # noqa: PLR0913 - one parameter an option
    *,
    files: tuple[str, ...],
    arrivals: str,
    policy: str,
    name: str | None,
    start_seconds: float | None,
    input_tokens: int,
    output_tokens: int,
    at: str | None,
    output: str,
) -> None:
    """Run the operator's own scaling policy against a trace of requests.

    Replicas perform as the catalogue estimates. The simulation begins with as many replicas as the first ten minutes need. A
    trace of more than 100,000 requests is simulated as a fluid with mean lengths, a smaller one request by request.
    """
    traffic = read_traffic(Path(arrivals), TraceLengths(input_tokens=input_tokens, output_tokens=output_tokens))
    deployment = simulated_deployment(
        read_manifests(files, namespace="default"),
        name=name,
        start_seconds=start_seconds,
        at=parse_time(at) if at else None,
        days=int(traffic.seconds // DAY_SECONDS) + 1,
    )
    chosen = PoolLimitedPolicy(POLICIES[policy](deployment), deployment.limits)
    result = run.simulate(_ProgressReporting(chosen, traffic.seconds), _environment(deployment, traffic), run.RunOptions())
    document = {"apiVersion": names.API_VERSION, **result.to_document(), "mode": "fluid" if traffic.counts else "request"}
    if output == "table":
        print_text(_text(deployment, result, document["mode"]))
    else:
        print_document(document, output)


def _environment(deployment: SimulatedDeployment, traffic: Traffic) -> Environment:
    variants, random = _weighted(deployment, traffic.lengths), Random(0)  # noqa: S311 - a simulation
    buckets, warm = Buckets.of(builtin().histograms), deployment.warm(traffic.opening_per_second, traffic.lengths)
    slo = deployment.known.slo
    if traffic.counts:
        fluid = FluidEnvironment(variants, traffic.counts, traffic.lengths, slo, random, buckets=buckets)
        fluid.start_warm(warm)
        return fluid
    fleet = Fleet(variants, random, buckets=buckets)
    fleet.start_warm(warm)
    return RequestEnvironment(fleet, traffic.requests, slo)


def _weighted(deployment: SimulatedDeployment, lengths: TokenLengths) -> list[Any]:
    """The variants, weighted by the rate that each can serve, as a gateway with weighted backends sends it."""
    slo = deployment.known.slo
    rates = [v.timing.capacity(slo, lengths, v.limits).requests_per_second for v in deployment.variants]
    best = max(rates)
    if best <= 0:
        tokens = f"{lengths.input_tokens:g} tokens in and {lengths.output_tokens:g} out"
        raise CliError(f"{deployment.key}: no pool serves a single request of {tokens} within the SLO")
    weighted = zip(deployment.variants, rates, strict=True)
    return [replace(variant, weight=max(rate, best / 1000) / best) for variant, rate in weighted]


@dataclass(slots=True)
class _ProgressReporting:
    """A policy that reports the progress of the simulation on a terminal."""

    policy: Policy
    seconds: float
    reported_percent: int = -1

    @property
    def name(self) -> str:
        return self.policy.name

    def decide(self, observation: Observation) -> Mapping[str, int]:
        share = int(100 * observation.second / max(1.0, self.seconds))
        if sys.stderr.isatty() and share > self.reported_percent:
            self.reported_percent = share
            click.echo(f"\rsimulating {min(share, 100)} %", nl=share >= 100, err=True)  # noqa: PLR2004 - percent
        return self.policy.decide(observation)


def _text(deployment: SimulatedDeployment, result: run.SimulationResult, mode: str) -> str:
    slo = deployment.known.slo
    verdict = "met" if result.attainment_percent >= slo.percentile else "missed"
    share, worst = result.attainment_percent, result.worst_hour_attainment_percent
    hours, mean, changes = result.accelerator_hours, result.mean_replicas, pluralize(result.changes, "change")
    lines = [
        f"{deployment.key} under policy {result.policy}, simulated as {mode}: {result.requests} requests",
        f"  {share:.2f} % within the SLO, {worst:.2f} % in the worst hour: the target of {slo.percentile:g} % is {verdict}",
        f"  {hours:.1f} accelerator hours, {mean:.2f} replicas, {result.peak_replicas} at most, {changes}",
    ]
    return "\n".join([*lines, "", table(("HOUR", "REQ/S", "DESIRED", "READY", "DEVICES"), _rows(result))])


def _rows(result: run.SimulationResult) -> Iterator[tuple[str, str, int, int, int]]:
    """About 24 rows of the series, evenly spaced, so that they fit a screen."""
    step = max(1, len(result.series) // SHOWN_ROWS)
    ends = [row.second for row in result.series[step::step]]
    for index, row in enumerate(result.series[::step]):
        part = result.series[index * step : (index + 1) * step]
        seconds = (ends[index] if index < len(ends) else part[-1].second + 60.0) - row.second
        rate = sum(row.arrivals for row in part) / max(1.0, seconds)
        yield f"{row.second / 3600:.2f}", f"{rate:.2f}", row.desired, row.ready, row.devices
