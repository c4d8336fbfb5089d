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
from modelmatrix.cli.inputs.simulation_setup import DAY_SECONDS, SimulatedDeployment, subject_of
from modelmatrix.cli.options import parse_time, print_document
from modelmatrix.cli.output.tables import table
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
    "slo": lambda subject: OperatorPolicyAdapter(SloPolicy(), subject.known),
    "static": lambda subject: StaticPolicy({subject.variants[0].name: subject.known.max_replicas}),
}


@click.command()
@click.option("-f", "--filename", "files", multiple=True, required=True, help="The ModelDeployment and its pools; repeatable.")
@click.option("--arrivals", required=True, help="CSV: second,requests or second,input_tokens,output_tokens; gzipped or not.")
@click.option("--policy", type=click.Choice(sorted(POLICIES)), default="slo", help="What decides; static: maxReplicas always.")
@click.option("--name", help="Which ModelDeployment, where the files hold several.")
@click.option("--start-seconds", type=click.FloatRange(min=0), help="How long a replica takes to start.")
@click.option("--input-tokens", type=click.IntRange(min=1), default=1155, help="Of a request, for a trace of counts.")
@click.option("--output-tokens", type=click.IntRange(min=0), default=211, help="The same.")
@click.option(
    "--at", help="What time second 0 is, for schedules, e.g. 2026-11-23T00:00:00+08:00; without it they are left out."
)
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

    Replicas are what the catalogue expects of them. The simulation begins with those that the first ten minutes need. A
    trace of more than 100,000 requests is simulated as a fluid, with mean lengths; a smaller one request by request.
    """
    traffic = read_traffic(Path(arrivals), TraceLengths(input_tokens=input_tokens, output_tokens=output_tokens))
    subject = subject_of(
        read_manifests(files, namespace="default"),
        name=name,
        start_seconds=start_seconds,
        at=parse_time(at) if at else None,
        days=int(traffic.seconds // DAY_SECONDS) + 1,
    )
    chosen = PoolLimitedPolicy(POLICIES[policy](subject), subject.limits)
    result = run.simulate(_ProgressReporting(chosen, traffic.seconds), _world(subject, traffic), run.RunOptions())
    document = {"apiVersion": names.API_VERSION, **result.to_document(), "mode": "fluid" if traffic.counts else "request"}
    if output == "table":
        click.echo(_text(subject, result, document["mode"]))
    else:
        print_document(document, output)


def _world(subject: SimulatedDeployment, traffic: Traffic) -> Environment:
    variants, random = _weighted(subject, traffic.lengths), Random(0)  # noqa: S311 - a simulation
    buckets, warm = Buckets.of(builtin().histograms), subject.warm(traffic.opening_per_second, traffic.lengths)
    slo = subject.known.slo
    if traffic.counts:
        fluid = FluidEnvironment(variants, traffic.counts, traffic.lengths, slo, random, buckets=buckets)
        fluid.start_warm(warm)
        return fluid
    fleet = Fleet(variants, random, buckets=buckets)
    fleet.start_warm(warm)
    return RequestEnvironment(fleet, traffic.requests, slo)


def _weighted(subject: SimulatedDeployment, lengths: TokenLengths) -> list[Any]:
    """The variants with the traffic that they can serve, as a gateway would send it that knows its backends."""
    slo = subject.known.slo
    rates = [one.timing.capacity_per_second(slo, lengths, one.limits).requests_per_second for one in subject.variants]
    most = max(rates)
    if most <= 0:
        words = f"{lengths.input_tokens:g} tokens in and {lengths.output_tokens:g} out"
        raise CliError(f"{subject.key}: no pool serves a single request of {words} within the SLO")
    return [replace(one, weight=max(rate, most / 1000) / most) for one, rate in zip(subject.variants, rates, strict=True)]


@dataclass(slots=True)
class _ProgressReporting:
    """A policy that tells on a terminal how far the simulation is."""

    policy: Policy
    seconds: float
    told: int = -1

    @property
    def name(self) -> str:
        return self.policy.name

    def decide(self, observation: Observation) -> Mapping[str, int]:
        share = int(100 * observation.second / max(1.0, self.seconds))
        if sys.stderr.isatty() and share > self.told:
            self.told = share
            click.echo(f"\rsimulating {min(share, 100)} %", nl=share >= 100, err=True)  # noqa: PLR2004 - percent
        return self.policy.decide(observation)


def _text(subject: SimulatedDeployment, result: run.SimulationResult, mode: str) -> str:
    slo = subject.known.slo
    met = "kept" if result.attainment_percent >= slo.percentile else "missed"
    share, worst = result.attainment_percent, result.worst_hour_attainment_percent
    hours, mean, changes = result.accelerator_hours, result.mean_replicas, pluralize(result.changes, "change")
    lines = [
        f"{subject.key} under policy {result.policy}, simulated as {mode}: {result.requests} requests",
        f"  {share:.2f} % within the SLO, {worst:.2f} % in the worst hour: the target of {slo.percentile:g} % is {met}",
        f"  {hours:.1f} accelerator hours, {mean:.2f} replicas, {result.peak_replicas} at most, {changes}",
    ]
    return "\n".join([*lines, "", table(("HOUR", "REQ/S", "DESIRED", "READY", "DEVICES"), _rows(result))])


def _rows(result: run.SimulationResult) -> Iterator[tuple[str, str, int, int, int]]:
    """A part of the series: as many rows as fit a screen."""
    step = max(1, len(result.series) // SHOWN_ROWS)
    ends = [row.second for row in result.series[step::step]]
    for index, row in enumerate(result.series[::step]):
        part = result.series[index * step : (index + 1) * step]
        seconds = (ends[index] if index < len(ends) else part[-1].second + 60.0) - row.second
        rate = sum(one.arrivals for one in part) / max(1.0, seconds)
        yield f"{row.second / 3600:.2f}", f"{rate:.2f}", row.desired, row.ready, row.devices
