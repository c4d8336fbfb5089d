"""``kubectl matrix status``: all deployments in one table, as their statuses report them."""

from __future__ import annotations

from typing import Any

import click

from modelmatrix.api import names
from modelmatrix.api.conditions import READY, find_condition
from modelmatrix.cli.errors import CliError
from modelmatrix.cli.inputs.cluster_objects import ClusterObjects
from modelmatrix.cli.inputs.live_cluster import read_cluster
from modelmatrix.cli.options import (
    ClusterOptions,
    all_namespaces_option,
    cluster_options,
    namespace_option,
    output_option,
    print_document,
)
from modelmatrix.cli.output.tables import table
from modelmatrix.cli.terminal import print_text

Item = dict[str, Any]


@click.command()
@namespace_option
@all_namespaces_option
@cluster_options
@output_option
def status(*, namespace: str | None, all_namespaces: bool, cluster: ClusterOptions, output: str) -> None:
    """Show all deployments in one table, as the operator reports them."""
    cluster_objects, default = read_cluster(cluster, namespace, partly=True)
    shown = None if all_namespaces else namespace or default
    _check_rights(cluster_objects, shown)
    objects = cluster_objects.objects.get(names.MODEL_DEPLOYMENTS.plural, [])
    items = sorted(
        (_item(item) for item in objects if shown is None or item["metadata"]["namespace"] == shown),
        key=lambda item: (item["namespace"], item["name"]),
    )
    if output in ("json", "yaml"):
        print_document({"apiVersion": names.API_VERSION, "kind": "Status", "items": items}, output)
    elif items:
        print_text(_text(items, all_namespaces=all_namespaces, wide=output == "wide"))
    else:
        where = "any namespace" if shown is None else f"namespace {shown}"
        click.echo(f"There are no ModelDeployments in {where}.", err=True)


def _check_rights(objects: ClusterObjects, shown: str | None) -> None:
    """Rights in the namespace that is shown are enough."""
    plural = names.MODEL_DEPLOYMENTS.plural
    if plural in objects.unread and (shown is None or plural not in objects.objects):
        hint = "; leave -A out, and name a namespace with -n" if shown is None else ""
        raise CliError(f"cannot list {plural}: {objects.unread[plural]}{hint}")


def _item(deployment: Item) -> Item:
    """The reported values of a deployment; ``None`` for values that the operator has not written yet."""
    metadata, status = deployment["metadata"], deployment.get("status") or {}
    ready = find_condition(status, READY) or {}
    slo = status.get("slo") or {}
    return {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "model": status.get("model"),
        "placements": status.get("placements", []),
        "ready": status.get("readyReplicas"),
        "desired": status.get("desiredReplicas"),
        "attainmentPercent": slo.get("attainmentPercent"),
        "ttftMilliseconds": slo.get("ttftMilliseconds"),
        "tpotMilliseconds": slo.get("tpotMilliseconds"),
        "costPerHour": status.get("costPerHour"),
        "reason": ready.get("reason"),
        "message": ready.get("message"),
    }


def _text(items: list[Item], *, all_namespaces: bool, wide: bool) -> str:
    headers = ["NAMESPACE"] if all_namespaces else []
    headers += ["NAME", *(["MODEL"] if wide else []), "READY", "SLO", *(["TTFT", "TPOT"] if wide else [])]
    headers += ["COST/H", "REASON", "PLACEMENT", *(["MESSAGE"] if wide else [])]
    return table(headers, (_row(item, all_namespaces=all_namespaces, wide=wide) for item in items))


def _row(item: Item, *, all_namespaces: bool, wide: bool) -> list[object]:
    percent = item["attainmentPercent"]
    placement = " ".join(f"{p['pool']}/{p['quantization']}:{p['desired']}" for p in item["placements"] if p["desired"])
    serving = None if item["desired"] is None else f"{item['ready'] or 0}/{item['desired']}"
    row: list[object] = [item["namespace"]] if all_namespaces else []
    row += [item["name"], *([item["model"]] if wide else []), serving, f"{percent}%" if percent else None]
    row += [_milliseconds(item["ttftMilliseconds"]), _milliseconds(item["tpotMilliseconds"])] if wide else []
    return [*row, item["costPerHour"], item["reason"], placement or None, *([item["message"]] if wide else [])]


def _milliseconds(value: int | None) -> str | None:
    return None if value is None else f"{value}ms"
