"""``kubectl matrix check``: defects of the cluster or of manifests that no waiting cures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import click

from modelmatrix.api import names
from modelmatrix.api.conditions import STALLED, find_condition
from modelmatrix.api.reasons import Reason
from modelmatrix.cli.errors import FindingExit
from modelmatrix.cli.inputs.cluster_objects import ClusterObjects
from modelmatrix.cli.inputs.sources import load_with_manifests
from modelmatrix.cli.options import (
    ClusterOptions,
    FileOptions,
    cluster_options,
    file_options,
    namespace_option,
    output_option,
    print_document,
)
from modelmatrix.cli.output.tables import colorize, paragraph
from modelmatrix.cli.terminal import print_text
from modelmatrix.planning import plan as planner
from modelmatrix.planning.feasibility.layout_choice import pluralize
from modelmatrix.planning.plan import Plan


class Finding(NamedTuple):
    """One defect that needs a person: the object, a reason of ``api.reasons`` or ``Missing``, and what to do."""

    kind: str
    name: str
    reason: str
    message: str


@click.command()
@file_options
@namespace_option
@cluster_options
@output_option
def check(*, files: FileOptions, cluster: ClusterOptions, namespace: str | None, output: str) -> None:
    """Find defects that only an edit or an installation corrects.

    APIs that are not installed, pools whose nodes differ from what the pool declares, deployments that no pool can run. The
    exit code is 2 when there is a finding.
    """
    objects, _ = load_with_manifests(files, cluster, namespace)
    plan = planner.plan(objects.snapshot())
    findings = [*_missing_kinds(objects), *_pools(plan), *_deployments(plan)]
    if output in ("json", "yaml"):
        items = [finding._asdict() for finding in findings]
        print_document({"apiVersion": names.API_VERSION, "kind": "Check", "items": items}, output)
    else:
        print_text(_text(findings, plan))
    if findings:
        raise FindingExit


def _missing_kinds(objects: ClusterObjects) -> Iterator[Finding]:
    """Kinds that the API server does not know; without LeaderWorkerSet every replica must fit one node."""
    hints = {
        names.LEADER_WORKER_SETS.plural: "replicas cannot span nodes: install LeaderWorkerSet v0.8 or newer",
        names.MODEL_PROFILES.plural: "the chart is not installed, or its version is too old",
        names.ENGINE_PROFILES.plural: "the chart is not installed, or its version is too old",
    }
    for plural in sorted(objects.absent):
        message = hints.get(plural, "the API server does not know this kind")
        yield Finding("API", plural, str(Reason.LEADER_WORKER_SET_MISSING) if "leader" in plural else "Missing", message)


def _pools(plan: Plan) -> Iterator[Finding]:
    for name, pool in sorted(plan.pools.items()):
        for reason, message in pool.problems:
            yield Finding(names.ACCELERATOR_POOLS.kind, name, str(reason), message)


def _deployments(plan: Plan) -> Iterator[Finding]:
    for key, status in sorted(plan.statuses.items()):
        stalled = find_condition(status, STALLED)
        if stalled is not None:
            yield Finding(names.MODEL_DEPLOYMENTS.kind, str(key), stalled["reason"], stalled["message"])


def _text(findings: list[Finding], plan: Plan) -> str:
    lines = []
    for finding in findings:
        lines.append(colorize(f"{finding.kind} {finding.name}: {finding.reason}", "bad"))
        lines.append(paragraph(finding.message, indent=2))
    where = f"{pluralize(len(plan.pools), 'pool')} and {pluralize(len(plan.statuses), 'deployment')}"
    total = f"{pluralize(len(findings), 'finding')} in {where}."
    lines.append(total if findings else colorize(f"No defects in {where}.", "good"))
    return "\n".join(lines)
