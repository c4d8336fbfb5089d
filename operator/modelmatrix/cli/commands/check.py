"""``kubectl matrix check``: what is wrong with the cluster or with manifests, before anything waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import click

from modelmatrix.api import names
from modelmatrix.api.conditions import STALLED
from modelmatrix.api.reasons import Reason
from modelmatrix.cli.inputs.cluster_objects import ClusterObjects
from modelmatrix.cli.inputs.kubeconfig import KubeconfigAccess
from modelmatrix.cli.inputs.sources import file_options, load_with_manifests
from modelmatrix.cli.options import access_options, output_option, print_document
from modelmatrix.cli.output.tables import colorize, paragraph
from modelmatrix.planning import plan as planner
from modelmatrix.planning.feasibility.layout_choice import pluralize
from modelmatrix.planning.plan import Plan


class Finding(NamedTuple):
    """Something that a person must mend."""

    kind: str
    name: str
    reason: str
    message: str


@click.command()
@file_options
@click.option("-n", "--namespace", help="Namespace of documents that name none; the context's own when left out.")
@access_options
@output_option
def check(
    *,
    files: tuple[str, ...],
    is_offline: bool,
    namespace: str | None,
    kubeconfig: str | None,
    context: str | None,
    output: str,
) -> None:
    """Look for what only an edit or an installation can mend: exit code 1 when there is something.

    Missing APIs, pools whose nodes are not what they say, deployments that no pool can run.
    """
    world, _ = load_with_manifests(files, KubeconfigAccess(kubeconfig, context), namespace, is_offline=is_offline)
    made = planner.plan(world.snapshot())
    found = [*_missing_kinds(world), *_pools(made), *_deployments(made)]
    if output in ("json", "yaml"):
        items = [finding._asdict() for finding in found]
        print_document({"apiVersion": names.API_VERSION, "kind": "Check", "items": items}, output)
    else:
        click.echo(_text(found, made))
    if found:
        raise click.exceptions.Exit(1)


def _missing_kinds(world: ClusterObjects) -> Iterator[Finding]:
    """Kinds that the API server does not know; without LeaderWorkerSet only replicas of one node can be made."""
    hints = {
        names.LEADER_WORKER_SETS.plural: "replicas of several nodes cannot be made: install LeaderWorkerSet v0.8 or newer",
        names.MODEL_PROFILES.plural: "the chart is not installed or is an old one",
        names.ENGINE_PROFILES.plural: "the chart is not installed or is an old one",
    }
    for plural in sorted(world.absent):
        message = hints.get(plural, "the API server does not know this kind")
        yield Finding("API", plural, str(Reason.LEADER_WORKER_SET_MISSING) if "leader" in plural else "Missing", message)


def _pools(made: Plan) -> Iterator[Finding]:
    for name, pool in sorted(made.pools.items()):
        for reason, message in pool.problems:
            yield Finding(names.ACCELERATOR_POOLS.kind, name, str(reason), message)


def _deployments(made: Plan) -> Iterator[Finding]:
    for key, status in sorted(made.statuses.items()):
        stalled = next((condition for condition in status["conditions"] if condition["type"] == STALLED), None)
        if stalled is not None:
            yield Finding(names.MODEL_DEPLOYMENTS.kind, str(key), stalled["reason"], stalled["message"])


def _text(found: list[Finding], made: Plan) -> str:
    lines = []
    for finding in found:
        lines.append(colorize(f"{finding.kind} {finding.name}: {finding.reason}", "bad"))
        lines.append(paragraph(finding.message, indent=2))
    where = f"{pluralize(len(made.pools), 'pool')} and {pluralize(len(made.statuses), 'deployment')}"
    lines.append(
        f"{pluralize(len(found), 'finding')} in {where}." if found else colorize(f"Nothing to mend in {where}.", "good")
    )
    return "\n".join(lines)
