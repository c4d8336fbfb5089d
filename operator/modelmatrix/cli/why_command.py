"""``kubectl matrix why``: every pool's verdict on a deployment, and what to change."""

from __future__ import annotations

from typing import Any

import click

from modelmatrix.api import names
from modelmatrix.api.reasons import TABLE, reason_of
from modelmatrix.cli.documents import read_documents
from modelmatrix.cli.errors import CliError
from modelmatrix.cli.options import access_options, output_option, print_document
from modelmatrix.cli.tables import paint, table
from modelmatrix.cli.world import Access, offline, online
from modelmatrix.planning import plan as planner
from modelmatrix.planning.snapshot import Snapshot
from modelmatrix.planning.views import Key


@click.command()
@click.argument("name")
@click.option("-n", "--namespace", help="Namespace; the context's own when left out.")
@click.option("-f", "--filename", "files", multiple=True, help="File or folder to apply first, in thought; repeatable.")
@click.option("--offline", "is_offline", is_flag=True, help="Look at the files alone, without a cluster.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", help="Language of the reasons.")
@access_options
@output_option
def why(  # noqa: PLR0913 - one parameter an option
    *,
    name: str,
    namespace: str | None,
    files: tuple[str, ...],
    is_offline: bool,
    lang: str,
    kubeconfig: str | None,
    context: str | None,
    output: str,
) -> None:
    """Say why NAME is where it is, or why it is nowhere."""
    snapshot, default = _look(files, is_offline=is_offline, access=Access(kubeconfig, context), namespace=namespace)
    key = Key(namespace or default, name)
    made = planner.plan(snapshot)
    if key not in made.statuses:
        raise CliError(f"there is no ModelDeployment {key}")
    document: dict[str, Any] = {"apiVersion": names.API_VERSION, "kind": "Why", "namespace": key.namespace, "name": key.name}
    document |= {field: made.statuses[key].get(field) for field in ("model", "candidates", "conditions", "placements")}
    if output in ("json", "yaml"):
        print_document(document, output)
    else:
        click.echo(_text(document, lang))


def _look(files: tuple[str, ...], *, is_offline: bool, access: Access, namespace: str | None) -> tuple[Snapshot, str]:
    if is_offline:
        return offline(read_documents(files, namespace=namespace or "default")).snapshot(), "default"
    world, default = online(access)
    return world.with_documents(read_documents(files, namespace=namespace or default)).snapshot(), default


def _text(document: dict[str, Any], lang: str) -> str:
    candidates = table(
        ["POOL", "QUANT", "ENGINE", "VERDICT", "REASON", "WHY"],
        [[c["pool"], c["quantization"], c["engine"], c["verdict"], c["reason"], c["message"]] for c in document["candidates"]],
    )
    lines = [f"{document['namespace']}/{document['name']}  {document['model'] or ''}", "", candidates, ""]
    for condition in document["conditions"]:
        if condition["type"] in ("Ready", "Placed"):
            color = "good" if condition["status"] == "True" else "bad"
            lines.append(paint(f"{condition['type']}={condition['status']} {condition['reason']}", color))
            lines.append(f"  {condition['message']}")
    lines += ["", _remedy(document, lang)]
    return "\n".join(lines).rstrip()


def _remedy(document: dict[str, Any], lang: str) -> str:
    ready = next(condition for condition in document["conditions"] if condition["type"] == "Ready")
    reason = reason_of(ready["reason"])
    if reason is None or ready["status"] == "True":
        return ""
    info = TABLE[reason]
    return f"{info.chinese} ({reason})" if lang == "zh" else f"{info.meaning} {info.remedy}"
