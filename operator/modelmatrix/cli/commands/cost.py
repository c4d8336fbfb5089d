"""``kubectl matrix cost``: the price of all desired replicas per hour, by deployment, tenant, cost center or pool."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import click

from modelmatrix.api import names
from modelmatrix.cli.inputs.sources import load_with_manifests
from modelmatrix.cli.options import (
    ClusterOptions,
    FileOptions,
    all_namespaces_option,
    cluster_options,
    file_options,
    namespace_option,
    output_option,
    print_document,
)
from modelmatrix.cli.output.tables import table
from modelmatrix.cli.terminal import print_text
from modelmatrix.planning import plan as planner
from modelmatrix.planning.placement.deployment_plan import DeploymentPlan
from modelmatrix.planning.placement.pricing import DeviceCost, device_costs

NONE = "-"


@dataclass(slots=True)
class CostTotal:
    """Devices and their price per hour."""

    devices: int = 0
    amount: Decimal = Decimal(0)

    def add(self, devices: int, amount: Decimal) -> None:
        """Add the devices of some replicas."""
        self.devices += devices
        self.amount += amount


Group = Callable[[DeploymentPlan, DeviceCost], str]


def _of_spec(field: str) -> Group:
    return lambda deployment, _: getattr(deployment.spec, field, None) or NONE


GROUPS: Mapping[str, Group] = {
    "deployment": lambda deployment, _: str(deployment.key),
    "tenant": _of_spec("tenant"),
    "cost-center": _of_spec("cost_center"),
    "pool": lambda _, cost: cost.pool,
}


@click.command()
@click.option("--by", type=click.Choice(sorted(GROUPS)), default="deployment", help="Group of the sums.")
@file_options
@namespace_option
@all_namespaces_option
@cluster_options
@output_option
def cost(
    *,
    by: str,
    files: FileOptions,
    cluster: ClusterOptions,
    namespace: str | None,
    all_namespaces: bool,
    output: str,
) -> None:
    """Sum the price per hour of the devices of all desired and retiring replicas."""
    objects, default = load_with_manifests(files, cluster, namespace)
    shown = None if all_namespaces or (files.is_offline and namespace is None) else default
    deployments = [
        o for key, o in sorted(planner.plan(objects.snapshot()).deployments.items()) if shown in (None, key.namespace)
    ]
    document = {"apiVersion": names.API_VERSION, "kind": "Cost", "by": by, **_sums(deployments, GROUPS[by])}
    if output in ("json", "yaml"):
        print_document(document, output)
    else:
        print_text(_text(document))


def _sums(deployments: list[DeploymentPlan], group: Group) -> dict[str, Any]:
    groups: dict[tuple[str, str], CostTotal] = {}
    totals: dict[str, CostTotal] = {}
    for name, currency, devices, amount in _charges(deployments, group):
        groups.setdefault((name, currency), CostTotal()).add(devices, amount)
        totals.setdefault(currency, CostTotal()).add(devices, amount)
    items = [{"name": name, **_values(total, currency)} for (name, currency), total in sorted(groups.items())]
    return {"items": items, "totals": [_values(total, currency) for currency, total in sorted(totals.items())]}


def _charges(deployments: list[DeploymentPlan], group: Group) -> Iterator[tuple[str, str, int, Decimal]]:
    for deployment in deployments:
        for cost in device_costs(deployment):
            if cost.devices:
                yield group(deployment, cost), cost.currency or NONE, cost.devices, cost.amount


def _values(total: CostTotal, currency: str) -> dict[str, Any]:
    """Devices of pools without a price have no amount and no currency."""
    has_price = currency != NONE
    return {
        "devices": total.devices,
        "amountPerHour": f"{total.amount:.2f}" if has_price else None,
        "currency": currency if has_price else None,
    }


def _text(document: dict[str, Any]) -> str:
    rows = [[item["name"], item["devices"], item["amountPerHour"], item["currency"]] for item in document["items"]]
    rows += [["total", item["devices"], item["amountPerHour"], item["currency"]] for item in document["totals"]]
    return table([document["by"].upper().replace("-", " "), "DEVICES", "COST/H", "CURRENCY"], rows)
