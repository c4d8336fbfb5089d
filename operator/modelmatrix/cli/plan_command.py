"""``kubectl matrix plan``: what would happen, what fits, what does not and why, what it costs, who gives way."""

from __future__ import annotations

import click

from modelmatrix.api import names
from modelmatrix.cli.access import Access
from modelmatrix.cli.documents import Documents
from modelmatrix.cli.errors import DoesNotFit
from modelmatrix.cli.looking import file_options, given
from modelmatrix.cli.losses import lost_nodes, say_why_empty
from modelmatrix.cli.options import access_options, output_option, parse_time, print_document
from modelmatrix.cli.plan_text import plan_text
from modelmatrix.cli.planning import fits, plan_document
from modelmatrix.planning import plan as planner
from modelmatrix.planning.views import Key


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
    before, documents, _ = given(files, Access(kubeconfig, context), namespace, is_offline=is_offline)
    applied = before.with_documents(documents)
    lost = lost_nodes(applied, without_site, without_node)
    old, new = (planner.plan(world.snapshot(now)) for world in (before, applied.without_nodes(lost)))
    document = plan_document(old, new, _named(documents) or set(new.outlooks))
    say_why_empty(document, new, lost.values(), has_nodes=bool(applied.objects.get(names.NODES.plural)))
    if output in ("json", "yaml"):
        print_document(document, output)
    else:
        click.echo(plan_text(document, wide=output == "wide"))
    if not fits(document):
        raise DoesNotFit


def _named(documents: Documents) -> set[Key]:
    return {Key(d["metadata"]["namespace"], d["metadata"]["name"]) for d in documents.of(names.MODEL_DEPLOYMENTS)}
