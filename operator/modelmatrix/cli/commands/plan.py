"""``kubectl matrix plan``: what would fit, what would not and why, the cost, and which replicas would be displaced."""

from __future__ import annotations

import click

from modelmatrix.api import names
from modelmatrix.cli.errors import CliError, FindingExit
from modelmatrix.cli.inputs.manifests import Manifests
from modelmatrix.cli.inputs.review import Review
from modelmatrix.cli.inputs.site_loss import lost_nodes
from modelmatrix.cli.inputs.sources import load_inputs, missing_rights
from modelmatrix.cli.options import (
    ClusterOptions,
    FileOptions,
    cluster_options,
    file_options,
    namespace_option,
    output_option,
    parse_time,
    print_document,
)
from modelmatrix.cli.output.plan_document import fits, plan_document
from modelmatrix.cli.output.plan_text import plan_text
from modelmatrix.cli.output.tables import paragraph
from modelmatrix.cli.terminal import print_text
from modelmatrix.planning import plan as planner
from modelmatrix.planning.snapshot.views import NamespacedName


@click.command()
@file_options
@click.option("--at", help="Time at which schedules are read, e.g. 2026-11-23T08:30:00+08:00; now by default.")
@click.option("--without-site", help="Plan as if all nodes of a site were lost.")
@click.option("--without-node", multiple=True, help="Plan as if a node were lost; repeatable.")
@namespace_option
@cluster_options
@output_option
def plan(  # noqa: PLR0913 - one parameter an option
    *,
    files: FileOptions,
    cluster: ClusterOptions,
    at: str | None,
    without_site: str | None,
    without_node: tuple[str, ...],
    namespace: str | None,
    output: str,
) -> None:
    """Run the operator's own planner: what fits, where, and at what cost.

    The exit code is 2 when a deployment does not fit. With rights in one namespace only, the operator is asked for its verdict
    on the ModelDeployments of the files, and the exit code is 2 when it warns or refuses.
    """
    now = parse_time(at) if at else None
    before, manifests, _ = load_inputs(files, cluster, namespace, partly=True)
    if before.unread:
        _ask_operator(manifests, cluster, missing_rights(before), output, is_what_if=bool(at or without_site or without_node))
        return
    applied = before.with_manifests(manifests)
    lost = lost_nodes(applied, without_site, without_node)
    old, new = (planner.plan(objects.snapshot(now)) for objects in (before, applied.without_nodes(lost)))
    document = plan_document(old, new, _named(manifests) or set(new.deployments))
    if output in ("json", "yaml"):
        print_document(document, output)
    else:
        print_text(plan_text(document, wide=output == "wide"))
    if not fits(document):
        raise FindingExit


def _ask_operator(manifests: Manifests, cluster: ClusterOptions, missing: str, output: str, *, is_what_if: bool) -> None:
    """The operator's own answers to an apply that stores nothing, for a person without the rights to plan."""
    from modelmatrix.cli.inputs.live_cluster import preview  # noqa: PLC0415 - slow to import, see there

    deployments = manifests.of_kind(names.MODEL_DEPLOYMENTS)
    if is_what_if or not deployments:
        raise CliError(f"cannot plan the fleet: {missing}; with -f FILE, and without --at and --without, the operator is asked")
    click.echo(f"note: {missing}: these are the operator's answers to an apply, by a dry run", err=True)
    reviews = preview(cluster, deployments)
    if output in ("json", "yaml"):
        items = [{**review.key._asdict(), "warnings": [*review.warnings], "refusal": review.refusal} for review in reviews]
        print_document({"apiVersion": names.API_VERSION, "kind": "Review", "items": items}, output)
    else:
        print_text("\n".join(map(_review_text, reviews)))
    if any(review.warnings or review.refusal for review in reviews):
        raise FindingExit


def _review_text(review: Review) -> str:
    if review.refusal:
        return f"{review.key} would be refused\n{paragraph(review.refusal, indent=2)}"
    if not review.warnings:
        return f"{review.key}: no objection"
    return "\n".join([f"{review.key} would be applied with warnings", *(paragraph(text, indent=2) for text in review.warnings)])


def _named(manifests: Manifests) -> set[NamespacedName]:
    return {
        NamespacedName(d["metadata"]["namespace"], d["metadata"]["name"]) for d in manifests.of_kind(names.MODEL_DEPLOYMENTS)
    }
