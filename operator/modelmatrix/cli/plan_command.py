"""``kubectl matrix plan``: what would happen, what fits, what does not and why, what it costs, who gives way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from modelmatrix.api import names
from modelmatrix.cli.access import Access
from modelmatrix.cli.documents import Documents, read_documents
from modelmatrix.cli.errors import CliError, DoesNotFit
from modelmatrix.cli.options import access_options, output_option, parse_time, print_document
from modelmatrix.cli.plan_text import plan_text
from modelmatrix.cli.planning import fits, plan_document
from modelmatrix.cli.world import World, at_time, offline, online
from modelmatrix.planning import plan as planner
from modelmatrix.planning.views import Key


@click.command()
@click.option("-f", "--filename", "files", multiple=True, help="File or folder with what is to be applied; repeatable.")
@click.option("--offline", "is_offline", is_flag=True, help="Plan the files alone, without a cluster; they hold nodes too.")
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
    if is_offline and not files:
        raise CliError("--offline plans files: name some with -f")
    before, default = (World(), "default") if is_offline else online(Access(kubeconfig, context))
    documents = read_documents(files, namespace=namespace or default)
    after = offline(documents) if is_offline else before.with_documents(documents)
    after = after.without_nodes(_lost(after, without_site, without_node))
    document = _plan(before, after, documents, at=parse_time(at) if at else None)
    if output in ("json", "yaml"):
        print_document(document, output)
    else:
        click.echo(plan_text(document, wide=output == "wide"))
    if not fits(document):
        raise DoesNotFit


def _lost(world: World, site: str | None, nodes: Iterable[str]) -> set[str]:
    lost = world.nodes_of_site(site) if site else set()
    known = {node["metadata"]["name"] for node in world.objects.get("nodes", [])}
    unknown = sorted(set(nodes) - known)
    if unknown:
        raise CliError(f"there is no node {', '.join(unknown)}")
    return lost | set(nodes)


def _plan(before: World, after: World, documents: Documents, *, at: float | None) -> dict[str, Any]:
    snapshots = [world.snapshot(at) for world in (before, after)]
    if at is not None:
        snapshots = [at_time(snapshot, at) for snapshot in snapshots]
    old, new = (planner.plan(snapshot) for snapshot in snapshots)
    named = {Key(d["metadata"]["namespace"], d["metadata"]["name"]) for d in documents.of(names.MODEL_DEPLOYMENTS)}
    return plan_document(old, new, named or set(new.outlooks))
