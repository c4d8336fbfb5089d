"""``kubectl matrix plan``: what would happen, what fits, what does not and why, what it costs, who gives way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from modelmatrix.api import names
from modelmatrix.cli.documents import Documents, read_documents
from modelmatrix.cli.errors import CliError, DoesNotFit
from modelmatrix.cli.options import access_options, output_option, parse_time, print_document
from modelmatrix.cli.planning import fits, plan_document
from modelmatrix.cli.tables import paint, table
from modelmatrix.cli.world import Access, World, at_time, offline, online
from modelmatrix.planning import plan as planner
from modelmatrix.planning.views import Key


@click.command()
@click.option("-f", "--filename", "files", multiple=True, help="File or folder with what is to be applied; repeatable.")
@click.option("--offline", "is_offline", is_flag=True, help="Plan the files alone, without a cluster; they hold nodes too.")
@click.option("--at", help="Time for schedules, e.g. 2026-11-23T08:30:00+08:00; now when left out.")
@click.option("--without-site", help="Plan as if a site were lost.")
@click.option("--without-node", multiple=True, help="Plan as if a node were lost; repeatable.")
@click.option("-n", "--namespace", default="default", help="Namespace of documents that name none.")
@access_options
@output_option
def plan(  # noqa: PLR0913 - one parameter an option
    *,
    files: tuple[str, ...],
    is_offline: bool,
    at: str | None,
    without_site: str | None,
    without_node: tuple[str, ...],
    namespace: str,
    kubeconfig: str | None,
    context: str | None,
    output: str,
) -> None:
    """Run the operator's own planner.

    Exit code 0: everything fits, 2: something does not, 1: an error.
    """
    documents = read_documents(files, namespace=namespace)
    if is_offline and not files:
        raise CliError("--offline plans files: name some with -f")
    before = World() if is_offline else online(Access(kubeconfig, context))[0]
    after = offline(documents) if is_offline else before.with_documents(documents)
    after = after.without_nodes(_lost(after, without_site, without_node))
    document = _plan(before, after, documents, at=parse_time(at) if at else None)
    if output in ("json", "yaml"):
        print_document(document, output)
    else:
        click.echo(_text(document, wide=output == "wide"))
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


def _text(document: dict[str, Any], *, wide: bool) -> str:
    parts = [_items(document["items"], wide=wide), _refusals(document["items"]), _displaced(document["displaced"])]
    parts += [_pools(document["pools"]), _cost(document["cost"])]
    return "\n\n".join(part for part in parts if part)


def _items(items: list[dict[str, Any]], *, wide: bool) -> str:
    headers = ["NAMESPACE", "NAME", "PRIO", "PLACEMENT", "DEVICES", "REASON"] + (["MODEL"] if wide else [])
    rows = []
    for item in items:
        placement = " ".join(f"{p['pool']}/{p['quantization']}:{p['replicas']}" for p in item["placements"]) or "-"
        devices = sum(p["replicas"] * p["devicesPerReplica"] for p in item["placements"])
        row = [item["namespace"], item["name"], item["priority"], placement, devices, item["reason"]]
        rows.append(row + ([item["model"]] if wide else []))
    return table(headers, rows)


def _refusals(items: list[dict[str, Any]]) -> str:
    lines = []
    for item in items:
        if not item["placed"]:
            lines.append(paint(f"{item['namespace']}/{item['name']} does not fit: {item['reason']}", "bad"))
            refused = [c for c in item["candidates"] if c["verdict"] != "Fits"]
            lines += [f"  {c['pool']}: {c['message']}" for c in refused] or [f"  {item['message']}"]
    return "\n".join(lines)


def _displaced(displaced: list[dict[str, Any]]) -> str:
    return "\n".join(f"{d['namespace']}/{d['name']} gives way with {d['replicas']} replicas" for d in displaced)


def _pools(pools: list[dict[str, Any]]) -> str:
    rows = [[p["name"], *(p["devices"][key] for key in ("total", "allocated", "free"))] for p in pools]
    return table(["POOL", "DEVICES", "ALLOCATED", "FREE"], rows)


def _cost(cost: dict[str, Any]) -> str:
    return f"Cost per hour: {cost['before']} -> {cost['after']} {cost['currency']}"
