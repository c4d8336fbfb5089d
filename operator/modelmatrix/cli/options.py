"""Options that several commands share, with the conventions of kubectl."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click
import yaml

from modelmatrix.cli.errors import CliError

Function = TypeVar("Function", bound=Callable[..., Any])


def access_options(function: Function) -> Function:
    """``--kubeconfig`` and ``--context``."""
    for option in (
        click.option("--context", help="Context of the kubeconfig."),
        click.option("--kubeconfig", help="Path of the kubeconfig."),
    ):
        function = option(function)
    return function


def namespace_options(function: Function) -> Function:
    """``-n`` and ``-A``."""
    for option in (
        click.option("-A", "--all-namespaces", is_flag=True, help="All namespaces."),
        click.option("-n", "--namespace", help="Namespace; the context's own when left out."),
    ):
        function = option(function)
    return function


def output_option(function: Function) -> Function:
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
    """A time as ISO 8601, in seconds since the epoch; without a zone it is local time.

    Raises:
        CliError: it is no time.
    """
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise CliError(f"--at '{text}' is not a valid time; write it like 2026-11-23T08:30:00+08:00") from None
