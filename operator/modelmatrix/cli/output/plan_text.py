"""A plan's document as text: placements, rejections with their reasons, displaced replicas, pools and cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelmatrix.cli.output.plan_document import unusable_pools
from modelmatrix.cli.output.tables import colorize, paragraph, table
from modelmatrix.planning.feasibility.layout_choice import pluralize

Item = dict[str, Any]


def plan_text(document: Item, *, wide: bool) -> str:
    """The parts that are not empty, with a blank line between them."""
    items = document["items"]
    parts = [_items(items, wide=wide), _refusals(items), _caveats(items), _displaced(document["displaced"])]
    parts += [_rollouts(document.get("rollouts", []))]
    parts += [_pools(document["pools"]), _cost(document["cost"])]
    return "\n\n".join(part for part in parts if part)


def _items(items: list[Item], *, wide: bool) -> str:
    headers = [
        "NAMESPACE",
        "NAME",
        "PRIO",
        *(["MODEL", "PARALLELISM", "ENGINE"] if wide else []),
        "DEVICES",
        "REASON",
        "PLACEMENT",
    ]
    return table(headers, (row for item in items for row in _rows(item, wide=wide)))


def _rows(item: Item, *, wide: bool) -> Iterator[list[object]]:
    """One row for every placement; what is the same for all of them is in the first."""
    blank = {"pool": "", "quantization": "", "replicas": 0, "devicesPerReplica": 0, "parallelism": {}, "engine": "-"}
    for index, placement in enumerate(item["placements"] or [blank]):
        first = [item["namespace"], item["name"], item["priority"]] if index == 0 else [""] * 3
        more = (
            [item["model"] if index == 0 else "", _parallelism(placement["parallelism"]), placement["engine"]] if wide else []
        )
        where = f"{placement['pool']}/{placement['quantization']}:{placement['replicas']}" if placement["pool"] else "-"
        devices = placement["replicas"] * placement["devicesPerReplica"]
        yield [*first, *more, devices, item["reason"] if index == 0 else "", where]


def _parallelism(parallelism: dict[str, int]) -> str:
    names = {"tensor": "TP", "pipeline": "PP", "data": "DP", "expert": "EP"}
    return " ".join(f"{short}{parallelism[name]}" for name, short in names.items() if parallelism.get(name, 1) > 1) or "-"


def _refusals(items: list[Item]) -> str:
    lines = []
    for item in items:
        if not item["placed"]:
            placed = sum(placement["replicas"] for placement in item["placements"])
            part = f", {placed} of {item['replicas']} replicas placed" if placed else ""
            lines.append(colorize(f"{item['namespace']}/{item['name']} does not fit: {item['reason']}{part}", "bad"))
            refused = [c for c in item["candidates"] if c["verdict"] != "Fits"]
            # A reason that concerns every pool, such as a schedule that cannot be read, is not among the verdicts.
            lines += [] if item["reason"] in {c["reason"] for c in refused} else [paragraph(item["message"], indent=2)]
            lines += [paragraph(f"{c['pool']}: {c['message']}", indent=2) for c in refused]
    return "\n".join(lines)


def _caveats(items: list[Item]) -> str:
    rows = ((item, caveat) for item in items if item["placed"] for caveat in [*unusable_pools(item), *item["caveats"]])
    return "\n".join(paragraph(f"{item['namespace']}/{item['name']}: {caveat['message']}") for item, caveat in rows)


def _displaced(displaced: list[Item]) -> str:
    lines = []
    for item in displaced:
        lines.append(f"{item['namespace']}/{item['name']} loses {pluralize(item['replicas'], 'replica')}: {item['reason']}")
        lines.append(paragraph(item["message"], indent=2))
    return "\n".join(lines)


def _rollouts(rollouts: list[Item]) -> str:
    """Workloads whose pods would be replaced, in the order in which they go."""
    rows = [
        [r["order"], r["namespace"], r["name"], r["pool"], "in place" if r["inPlace"] else "surge", r["field"] or "-"]
        for r in rollouts
    ]
    return table(["ROLLOUT", "NAMESPACE", "NAME", "POOL", "STRATEGY", "FIELD"], rows) if rows else ""


def _pools(pools: list[Item]) -> str:
    rows = [[p["name"], *(p["devices"][key] for key in ("total", "allocated", "free"))] for p in pools]
    return table(["POOL", "DEVICES", "ALLOCATED", "FREE"], rows)


def _cost(cost: Item) -> str:
    lines = [f"Cost per hour: {cost['before']} -> {cost['after']} {cost['currency']}"]
    lines += [f"{' ' * 13}{other['before']} -> {other['after']} {other['currency']}" for other in cost["others"]]
    return "\n".join(lines)
