"""``kubectl matrix report``: the matrix as a document: placements, rejections, pools and cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from modelmatrix.cli.inputs.sources import load_with_manifests
from modelmatrix.cli.options import (
    ClusterOptions,
    FileOptions,
    cluster_options,
    file_options,
    namespace_option,
    print_document,
)
from modelmatrix.cli.output.plan_document import plan_document, unusable_pools
from modelmatrix.cli.terminal import print_text
from modelmatrix.planning import plan as planner

FORMATS = click.Choice(["markdown", "json", "yaml"])

Document = dict[str, Any]


@click.command()
@file_options
@namespace_option
@cluster_options
@click.option("-o", "--output", type=FORMATS, default="markdown", help="Output format.")
def report(*, files: FileOptions, cluster: ClusterOptions, namespace: str | None, output: str) -> None:
    """Write the whole matrix as a document.

    It lists placements with engine and image, rejected deployments with their reasons, pools, and the cost.
    """
    objects, _ = load_with_manifests(files, cluster, namespace)
    snapshot = objects.snapshot()
    plan = planner.plan(snapshot)
    document = plan_document(plan, plan, plan.deployments) | {"kind": "Report", "time": _time(snapshot.now_seconds)}
    if output == "markdown":
        print_text("\n".join(_markdown(document)))
    else:
        print_document(document, output)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()


def _markdown(document: Document) -> Iterable[str]:
    items, cost = document["items"], document["cost"]
    yield f"# Model matrix, {document['time']}"
    yield f"\nCost per hour: {cost['after']} {cost['currency']}" + "".join(
        f", {other['after']} {other['currency']}" for other in cost["others"]
    )
    yield "\n## Placements\n"
    heads = ("deployment", "priority", "model", "pool", "format", "engine", "image", "replicas", "devices a replica")
    yield from _table(heads, (row for item in items for row in _placements(item)))
    refused = [item for item in items if not item["placed"]]
    if refused:
        yield "\n## Not placed\n"
        yield from _table(("deployment", "reason", "message"), ((_name(i), i["reason"], i["message"]) for i in refused))
    caveats = [
        (item, caveat) for item in items for caveat in (unusable_pools(item) if item["placed"] else []) + item["caveats"]
    ]
    if caveats:
        yield "\n## Caveats\n"
        yield from _table(("deployment", "reason", "message"), ((_name(i), c["reason"], c["message"]) for i, c in caveats))
    yield "\n## Pools\n"
    counts = ("total", "allocated", "free")
    yield from _table(("pool", *counts), ((p["name"], *(p["devices"][key] for key in counts)) for p in document["pools"]))


def _placements(item: Document) -> Iterable[Sequence[object]]:
    for p in item["placements"]:
        where = (p["pool"], p["quantization"], p["engine"], p["image"], p["replicas"])
        shape = f"{p['devicesPerReplica']} on {p['nodesPerReplica']} node{'s' if p['nodesPerReplica'] > 1 else ''}"
        yield (_name(item), item["priority"], item["model"], *where, shape)


def _name(item: Document) -> str:
    return f"{item['namespace']}/{item['name']}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterable[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for row in rows:
        yield f"| {' | '.join(str(cell).replace('|', '/') for cell in row)} |"
