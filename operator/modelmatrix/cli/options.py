"""Options that several commands share, with the conventions of kubectl."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, NamedTuple, TypeVar

import click
import yaml

from modelmatrix.cli.errors import CliError

Result = TypeVar("Result")
Command = Callable[..., Result]


class ClusterOptions(NamedTuple):
    """Which cluster; kubectl's defaults where an option is left out."""

    kubeconfig: str | None = None
    context: str | None = None


class FileOptions(NamedTuple):
    """Files and folders of manifests, and whether they replace the cluster."""

    paths: tuple[str, ...] = ()
    is_offline: bool = False


def cluster_options(function: Command[Result]) -> Command[Result]:
    """``--kubeconfig`` and ``--context``, passed as ``cluster``."""

    @click.option("--kubeconfig", help="Path of the kubeconfig.")
    @click.option("--context", help="Context of the kubeconfig.")
    @wraps(function)
    def command(*, kubeconfig: str | None, context: str | None, **arguments: Any) -> Result:
        return function(cluster=ClusterOptions(kubeconfig, context), **arguments)

    return command


def file_options(function: Command[Result]) -> Command[Result]:
    """``-f`` and ``--offline``, passed as ``files``."""

    @click.option(
        *("-f", "--filename", "filenames"),
        multiple=True,
        help="File, or folder with all files below it, to treat as applied; repeatable.",
    )
    @click.option(
        "--offline",
        "is_offline",
        is_flag=True,
        help="Use the files only, without a cluster; they hold Nodes too, e.g. the output of kubectl get nodes -o yaml.",
    )
    @wraps(function)
    def command(*, filenames: tuple[str, ...], is_offline: bool, **arguments: Any) -> Result:
        return function(files=FileOptions(filenames, is_offline), **arguments)

    return command


def namespace_option(function: Command[Result]) -> Command[Result]:
    """``-n``."""
    text = "Namespace of names and documents without one; the context's namespace by default."
    return click.option("-n", "--namespace", help=text)(function)


def all_namespaces_option(function: Command[Result]) -> Command[Result]:
    """``-A``."""
    return click.option("-A", "--all-namespaces", is_flag=True, help="All namespaces.")(function)


def output_option(function: Command[Result]) -> Command[Result]:
    """``-o``."""
    formats = click.Choice(["table", "wide", "json", "yaml"])
    return click.option("-o", "--output", type=formats, default="table", help="Output format.")(function)


def print_document(document: dict[str, Any], output: str) -> None:
    """Print a document as JSON or YAML."""
    if output == "yaml":
        click.echo(yaml.safe_dump(document, sort_keys=False, width=120, allow_unicode=True), nl=False)
    else:
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def parse_time(text: str) -> float:
    """A time in ISO 8601, in seconds since the epoch; without a zone it is local time.

    Raises:
        CliError: it is not a time.
    """
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise CliError(f"--at '{text}' is not a valid time; write it like 2026-11-23T08:30:00+08:00") from None
