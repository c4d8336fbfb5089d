"""``kubectl matrix why``: every pool's verdict on a deployment, and what to change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from modelmatrix.api import names
from modelmatrix.api.conditions import TRUE, types_shown_by_why
from modelmatrix.api.reasons import TABLE, Reason, reason_of
from modelmatrix.cli.errors import CliError
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
from modelmatrix.cli.output.tables import colorize, paragraph, table
from modelmatrix.planning import plan as planner
from modelmatrix.planning.snapshot.views import NamespacedName


@click.command()
@click.argument("name")
@namespace_option
@file_options
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", help="zh adds the Chinese name of the reason.")
@cluster_options
@output_option
def why(
    *,
    name: str,
    namespace: str | None,
    files: FileOptions,
    cluster: ClusterOptions,
    lang: str,
    output: str,
) -> None:
    """Explain where a deployment runs, or why it does not."""
    world, default = load_with_manifests(files, cluster, namespace)
    key = NamespacedName(default, name)
    made = planner.plan(world.snapshot())
    if key not in made.statuses:
        raise CliError(f"there is no ModelDeployment {key}{_elsewhere(name, made.statuses)}")
    said = made.statuses[key]
    document: dict[str, Any] = {"apiVersion": names.API_VERSION, "kind": "Why", "namespace": key.namespace, "name": key.name}
    document |= {field: said.get(field) for field in ("model", "candidates", "conditions", "placements")}
    if output in ("json", "yaml"):
        print_document(document, output)
    else:
        click.echo(_text(document, lang, in_thought=bool(files.paths) and not said.get("replicas")))


def _elsewhere(name: str, known: Iterable[NamespacedName]) -> str:
    found = sorted(key.namespace for key in known if key.name == name)
    return f"; there is one in {' and '.join(found)}: name it with -n" if found else ""


def _text(document: dict[str, Any], lang: str, *, in_thought: bool) -> str:
    lines = [f"{document['namespace']}/{document['name']}  {document['model'] or ''}".rstrip(), ""]
    candidates = document["candidates"]
    if candidates:
        keys = ("pool", "quantization", "engine", "verdict", "reason")
        lines += [table(["POOL", "QUANT", "ENGINE", "VERDICT", "REASON"], [[c[key] for key in keys] for c in candidates]), ""]
        lines += [paragraph(f"{c['pool']}: {c['message']}") for c in candidates] + [""]
    conditions = [condition for condition in document["conditions"] if condition["type"] in types_shown_by_why()]
    if in_thought:
        conditions = [condition for condition in conditions if condition["reason"] != Reason.REPLICA_STARTING]
    for condition in conditions:
        lines.append(_heading(condition, in_thought=in_thought))
        if not _is_said(condition["message"], candidates, lines):
            lines.append(paragraph(condition["message"], indent=2))
    lines += ["", *(paragraph(_remedy(condition, lang)) for condition in conditions[:1])]
    return "\n".join(lines).rstrip()


def _heading(condition: dict[str, Any], *, in_thought: bool) -> str:
    """A condition; nothing starts of what is applied in thought only, so that is told as what would be."""
    if in_thought and condition["reason"] == Reason.PLACED:
        return colorize("It would be placed:", "good")
    return colorize(f"{condition['type']}={condition['status']} {condition['reason']}", _color(condition))


def _color(condition: dict[str, Any]) -> str:
    return "good" if condition["status"] == TRUE else "bad"


def _is_said(message: str, candidates: list[dict[str, Any]], lines: list[str]) -> bool:
    """Whether a condition only repeats the verdicts, or the condition above it."""
    verdicts = ". ".join(f"{candidate['pool']}: {candidate['message']}" for candidate in candidates)
    return verdicts.startswith(message) or paragraph(message, indent=2) in lines


def _remedy(condition: dict[str, Any], lang: str) -> str:
    reason = reason_of(condition["reason"])
    if reason is None or condition["status"] == TRUE:
        return ""
    info = TABLE[reason]
    name = f"{info.chinese} ({reason}): " if lang == "zh" else ""
    return f"{name}{info.meaning} {info.remedy}"
