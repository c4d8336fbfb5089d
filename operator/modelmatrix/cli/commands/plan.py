"""``kubectl matrix plan``: what would happen, what fits, what does not and why, what it costs, who gives way."""

from __future__ import annotations

import click

from modelmatrix.api import names
from modelmatrix.cli.errors import PlanDoesNotFit
from modelmatrix.cli.inputs.kubeconfig import KubeconfigAccess
from modelmatrix.cli.inputs.manifests import Manifests
from modelmatrix.cli.inputs.site_loss import explain_empty_pools, lost_nodes
from modelmatrix.cli.inputs.sources import file_options, load_inputs
from modelmatrix.cli.options import access_options, output_option, parse_time, print_document
from modelmatrix.cli.output.plan_document import fits, plan_document
from modelmatrix.cli.output.plan_text import plan_text
from modelmatrix.planning import plan as planner
from modelmatrix.planning.snapshot.views import NamespacedName


@click.command()
@file_options
@click.option("--at", help="Time for schedules, e.g. 2026-11-23T08:30:00+08:00; now when left out.")
@click.option("--without-site", help="Plan as if a site were lost.")
@click.option("--without-node", multiple=True, help="Plan as if a node were lost; repeatable.")
@click.option("-n", "--namespace", help="Namespace of documents that name none; the context's own when left out.")
@access_options
@output_option
def plan(  # noqa: PLR0913 - one parameter an option
    *,
    files: tuple[str, ...],
    is_offline: bool,
    at: str | None,
    without_site: str | None,
    without_node: tuple[str, ...],
    namespace: str | None,
    kubeconfig: str | None,
    context: str | None,
    output: str,
) -> None:
    """Run the operator's own planner.

    Exit code 0: everything fits, 2: something does not, 1: an error.
    """
    now = parse_time(at) if at else None
    before, documents, _ = load_inputs(files, KubeconfigAccess(kubeconfig, context), namespace, is_offline=is_offline)
    applied = before.with_documents(documents)
    lost = lost_nodes(applied, without_site, without_node)
    old, new = (planner.plan(world.snapshot(now)) for world in (before, applied.without_nodes(lost)))
    document = plan_document(old, new, _named(documents) or set(new.outlooks))
    explain_empty_pools(document, new, lost.values(), has_nodes=bool(applied.objects.get(names.NODES.plural)))
    if output in ("json", "yaml"):
        print_document(document, output)
    else:
        click.echo(plan_text(document, wide=output == "wide"))
    if not fits(document):
        raise PlanDoesNotFit


def _named(documents: Manifests) -> set[NamespacedName]:
    return {
        NamespacedName(d["metadata"]["namespace"], d["metadata"]["name"]) for d in documents.of_kind(names.MODEL_DEPLOYMENTS)
    }
