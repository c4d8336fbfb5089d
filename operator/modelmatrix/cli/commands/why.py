"""``kubectl matrix why``: every pool's verdict on a deployment, its conditions, and the remedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from modelmatrix.api import names
from modelmatrix.api.conditions import READY, TRUE, types_shown_by_why
from modelmatrix.api.reasons import TABLE, Reason, reason_of
from modelmatrix.cli.errors import CliError
from modelmatrix.cli.inputs.cluster_objects import ClusterObjects
from modelmatrix.cli.inputs.sources import load_with_manifests, missing_rights
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
from modelmatrix.cli.terminal import print_text
from modelmatrix.planning import plan as planner
from modelmatrix.planning.feasibility.verdict import Verdict
from modelmatrix.planning.snapshot.views import NamespacedName

_SAID_IN_EVENTS = (Reason.POD_NOT_PREPARED, Reason.PODS_MISSING, Reason.START_OVERDUE)
Statuses = Mapping[NamespacedName, Mapping[str, Any]]


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
    objects, default = load_with_manifests(files, cluster, namespace, partly=True)
    key = NamespacedName(default, name)
    snapshot = objects.snapshot()
    statuses = _reported(objects, files) if objects.unread else planner.plan(snapshot).statuses
    if key not in statuses:
        raise CliError(f"there is no ModelDeployment {key}{_elsewhere(name, statuses)}")
    status = statuses[key]
    document: dict[str, Any] = {"apiVersion": names.API_VERSION, "kind": "Why", "namespace": key.namespace, "name": key.name}
    document |= {field: status.get(field) for field in ("model", "candidates", "conditions", "placements")}
    if output in ("json", "yaml"):
        print_document(document, output)
    else:
        print_text(_text(document, lang, is_what_if=bool(files.paths) and not status.get("replicas")))
        if not files.is_offline and _is_said_in_events(document):
            owners = [view.key.name for view in snapshot.workloads if (view.key.namespace, view.deployment) == key]
            _print_events(cluster, key.namespace, owners)


def _is_said_in_events(document: dict[str, Any]) -> bool:
    """Whether Kubernetes says only in events why the deployment is not ready."""
    return any(c["type"] == READY and c["reason"] in _SAID_IN_EVENTS for c in document["conditions"])


def _print_events(cluster: ClusterOptions, namespace: str, owners: list[str]) -> None:
    from modelmatrix.cli.inputs.warning_events import warning_events  # noqa: PLC0415 - slow to import, see there

    found = warning_events(cluster, namespace, owners)
    if found:
        print_text("\n".join(["", "Events:", *(paragraph(words, indent=2) for words in found)]))


def _reported(objects: ClusterObjects, files: FileOptions) -> Statuses:
    """What the operator reports, for a person without the rights to plan."""
    missing, plural = missing_rights(objects), names.MODEL_DEPLOYMENTS.plural
    if files.paths:
        raise CliError(f"cannot plan files: {missing}; kubectl matrix plan -f FILE asks the operator")
    if plural not in objects.objects:
        raise CliError(f"cannot list {plural}: {objects.unread[plural]}")
    click.echo(f"note: {missing}: this is what the operator reported", err=True)
    nothing: dict[str, Any] = {"candidates": [], "conditions": [], "placements": []}
    return {
        NamespacedName(item["metadata"]["namespace"], item["metadata"]["name"]): nothing | (item.get("status") or {})
        for item in objects.objects[plural]
    }


def _elsewhere(name: str, known: Iterable[NamespacedName]) -> str:
    namespaces = sorted(key.namespace for key in known if key.name == name)
    return f"; there is one in {' and '.join(namespaces)}: name it with -n" if namespaces else ""


def _text(document: dict[str, Any], lang: str, *, is_what_if: bool) -> str:
    lines = [f"{document['namespace']}/{document['name']}  {document['model'] or ''}".rstrip(), ""]
    candidates = document["candidates"]
    if candidates:
        keys = ("pool", "quantization", "engine", "verdict", "reason")
        lines += [table(["POOL", "QUANT", "ENGINE", "VERDICT", "REASON"], [[c[key] for key in keys] for c in candidates]), ""]
        lines += [paragraph(f"{c['pool']}: {c['message']}") for c in candidates] + [""]
    conditions = [condition for condition in document["conditions"] if condition["type"] in types_shown_by_why()]
    if is_what_if:
        conditions = [condition for condition in conditions if condition["reason"] != Reason.REPLICA_STARTING]
    for index, condition in enumerate(conditions):
        lines.append(_heading(condition, is_what_if=is_what_if))
        if not _repeats_verdicts(condition, candidates) and not _repeats(condition, conditions[:index]):
            lines.append(paragraph(condition["message"], indent=2))
    lines += ["", *(paragraph(_remedy(condition, lang)) for condition in conditions[:1])]
    return "\n".join(lines).rstrip()


def _heading(condition: dict[str, Any], *, is_what_if: bool) -> str:
    """The condition; manifests that are not applied start no replica, so their placement reads as what would be."""
    if is_what_if and condition["reason"] == Reason.PLACED:
        return colorize("It would be placed:", "good")
    return colorize(f"{condition['type']}={condition['status']} {condition['reason']}", _color(condition))


def _color(condition: dict[str, Any]) -> str:
    return "good" if condition["status"] == TRUE else "bad"


def _repeats_verdicts(condition: dict[str, Any], candidates: list[dict[str, Any]]) -> bool:
    """Whether no pool can run it: the condition then has the reason of the first pool and the messages of all."""
    if condition["status"] == TRUE or any(
        candidate["verdict"] in (Verdict.FITS, Verdict.NO_CAPACITY) for candidate in candidates
    ):
        return False
    return any(candidate["reason"] == condition["reason"] for candidate in candidates[:1])


def _repeats(condition: dict[str, Any], earlier: list[dict[str, Any]]) -> bool:
    """Whether a condition above has the same status for the same reason."""
    return any((other["status"], other["reason"]) == (condition["status"], condition["reason"]) for other in earlier)


def _remedy(condition: dict[str, Any], lang: str) -> str:
    reason = reason_of(condition["reason"])
    if reason is None or condition["status"] == TRUE:
        return ""
    info = TABLE[reason]
    name = f"{info.chinese} ({reason}): " if lang == "zh" else ""
    remedy = "" if condition["message"].endswith(info.remedy) else info.remedy
    return f"{name}{info.meaning} {remedy}".rstrip()
